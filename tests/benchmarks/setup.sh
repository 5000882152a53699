#!/usr/bin/env bash
# Creates what the benchmark needs besides the project, in .machine/bench: nothing of it enters the project's runtime.
#
#   stock/  venv: plain Pillow, libvips (pyvips), numpy        sharp/  Node: sharp
#   simd/   venv: Pillow on zlib-ng, as in the images          (absent, with a word why, where it cannot be built)
#
# Run again, it does only what is missing. Needs Python 3.11+, Node 20+ with npm; for simd/ also an x86 computer with
# AVX2, a C compiler, cmake, and the headers of the codecs. On Debian:
#   apt-get install build-essential cmake libjpeg62-turbo-dev libwebp-dev libtiff-dev liblcms2-dev libopenjp2-7-dev \
#                   libavif-dev libisal-dev
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
bench="${BENCH_HOME:-$root/.machine/bench}"
python="${PYTHON:-python3}"
# shellcheck source=tests/benchmarks/versions.sh
source "$here/versions.sh"
shopt -s nullglob

say() { printf '%s\n' "$*" >&2; }

# venv NAME REQUIREMENT...: a finished venv carries the list that it was made from.
venv() {
    local name=$1 wanted
    shift
    wanted=$(printf '%s\n' "$@")
    [[ -f $bench/$name/made-from && $(<"$bench/$name/made-from") == "$wanted" ]] && return
    say "Creating $bench/$name ..."
    rm -rf "${bench:?}/$name"
    "$python" -m venv "$bench/$name"
    "$bench/$name/bin/python" -m pip install --quiet --disable-pip-version-check "$@" "boto3==$BOTO3" \
        "awslambdaric==$AWSLAMBDARIC"
    # Alone, for it names Pillow as a dependency, which would overwrite our own.
    "$bench/$name/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "pillow-heif==$PILLOW_HEIF"
    printf '%s\n' "$wanted" >"$bench/$name/made-from"
}

# zlib-ng in the place of zlib, static, so that the build is the same wherever it runs.
zlib_ng() {
    [[ -f $bench/zlib-ng/lib/libz.a ]] && return
    say "Building zlib-ng $ZLIB_NG ..."
    local work
    work=$(mktemp -d)
    "$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
        --dest "$work" "zlib-ng==$ZLIB_NG"
    mkdir "$work/source"
    tar -xzf "$work"/zlib_ng-*.tar.gz -C "$work/source" --strip-components 1
    cmake -S "$work/source/src/zlib_ng/zlib-ng" -B "$work/build" -DZLIB_COMPAT=ON -DBUILD_SHARED_LIBS=OFF \
        -DBUILD_TESTING=OFF -DCMAKE_BUILD_TYPE=Release -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
        -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_INSTALL_PREFIX="$bench/zlib-ng" >/dev/null
    cmake --build "$work/build" --parallel --target install >/dev/null
    rm -rf "$work"
}

simd() {
    if ! grep -qm1 avx2 /proc/cpuinfo 2>/dev/null; then
        say "No AVX2 here: the row of the images' Pillow is left out."
        return
    fi
    zlib_ng
    # As the base image builds it, its changes included; in their name, so that others make another build.
    local source work changes=("$root/docker/base/pillow.sh" "$root"/docker/base/patches/*pillow*.patch)
    source="$bench/pillow-$PILLOW-simd-$PILLOW_SIMD-$(cat "${changes[@]}" | sha256sum | cut -c1-8)"
    if [[ ! -d $source ]]; then
        work=$(mktemp -d)
        "$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: --dest "$work" \
            "pillow==$PILLOW" "pillow-simd==$PILLOW_SIMD"
        sh "${changes[0]}" "$work"/pillow-[0-9]*.tar.gz "$work"/pillow_simd-*.tar.gz "$work/made"
        mv "$work/made" "$source"
        rm -rf "$work"
    fi
    # No cache: pip would hand out a wheel that was built without the flags.
    CC="cc -mavx2" CFLAGS="-O3 -g0 -fno-strict-aliasing -I$bench/zlib-ng/include" ZLIB_ROOT="$bench/zlib-ng" \
        PIP_NO_CACHE_DIR=1 LDFLAGS="-L$bench/zlib-ng/lib -Wl,--exclude-libs,ALL" venv simd "$source"
    local wanted
    wanted=$(nm -D --undefined-only "$bench"/simd/lib/python*/site-packages/PIL/_imaging.*.so)
    # The headers alone make Pillow name zlib-ng as its version; what counts is that it inflates with it.
    if grep -w inflate >/dev/null <<<"$wanted"; then
        say "Pillow has not been linked with zlib-ng."
        return 1
    fi
    if ! grep -w isal_inflate >/dev/null <<<"$wanted"; then
        say "Pillow has not been linked with ISA-L (libisal-dev): PNGs take longer here than in the images."
    fi
}

# npm checks what it gets against the integrity values in the lock.
sharp() {
    cmp --silent "$here/peers/package-lock.json" "$bench/sharp/package-lock.json" && return
    say "Installing sharp ..."
    rm -rf "$bench/sharp"
    mkdir -p "$bench/sharp"
    cp "$here/peers/package.json" "$here/peers/package-lock.json" "$bench/sharp/"
    if ! npm ci --prefix "$bench/sharp" --silent --no-audit --no-fund; then
        rm -rf "$bench/sharp"
        say "sharp could not be installed: its row is left out."
    fi
}

mkdir -p "$bench"
venv stock "pillow==$PILLOW" "pyvips==$PYVIPS" "pyvips-binary==$PYVIPS_BINARY" "numpy==$NUMPY"
simd
sharp
