#!/bin/sh
# Builds the fuzzers: each library under test as it is published and with our changes, with AddressSanitizer and
# UndefinedBehaviorSanitizer, and the harnesses that hold one against the other. Runs in the image that the base image's
# Dockerfile makes for it.
#
#   build.sh SOURCES BASE DIRECTORY     the downloaded archives, docker/base, where the fuzzers come to lie
set -eu

sources="$1" base="$2" made="$3"
here="$(cd "$(dirname "$0")" && pwd)"
mkdir -p "$made"
cd "$made"

includes="$(python3-config --includes)" embedded="$(python3-config --embed --ldflags)"
check="-fsanitize=address,undefined -fno-sanitize-recover=all"
compile="-g -O1 -mavx2 -mbmi2 -fPIC -fvisibility=hidden -fno-strict-aliasing -fsanitize=fuzzer-no-link $check"

# Most files are the same in each build, and lie at the same place: they are compiled once.
export CCACHE_DIR="$made/ccache"

# JPEG: NAME of the build, and what it has more.
jpeg() {
    mkdir jpeg
    tar -xzf "$sources/libjpeg-turbo.tar.gz" -C jpeg --strip-components=1
    if [ "$1" = changed ]; then sh "$base/changes.sh" jpeg libjpeg-turbo; fi
    cmake -S jpeg -B jpeg/build -DCMAKE_C_COMPILER=clang -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_BUILD_TYPE=None \
        -DCMAKE_C_FLAGS="$compile" -DENABLE_SHARED=OFF -DWITH_TOOLS=OFF -DWITH_TESTS=OFF -DREQUIRE_SIMD=ON >/dev/null
    cmake --build jpeg/build -j "$(nproc)" --target turbojpeg-static >/dev/null
    # shellcheck disable=SC2086 # flags
    clang $compile -shared -Wl,-soname,"libjpeg-$1.so" -Wl,-Bsymbolic -Wl,--exclude-libs,ALL -DTARGET="$1" \
        ${2:+-D$2} -I"$here" -Ijpeg/src -Ijpeg/build "$here/jpeg_target.c" jpeg/build/libturbojpeg.a -o "libjpeg-$1.so"
    rm -rf jpeg
}

# Pillow, whose sources lie in the directory pillow: NAME of the build; the rest names how it is compiled.
pillow() {
    name="$1"
    shift
    mkdir objects
    for file in pillow/src/libImaging/*.c; do
        case "$file" in *SIMD*) continue ;; esac
        # Vectors are loaded from where they lie, as x86 allows.
        # shellcheck disable=SC2086
        echo ccache clang $compile -fno-sanitize=alignment -w -DHAVE_LIBZ "$@" $includes -c "$file" \
            -o "objects/$(basename "$file" .c).o"
    done | xargs -P "$(nproc)" -I {} sh -c '{}'
    # shellcheck disable=SC2086
    clang $compile -fno-sanitize=alignment -shared -Wl,-soname,"libpillow-$name.so" -Wl,-Bsymbolic -DHAVE_LIBZ "$@" \
        -DTARGET="$name" -I"$here" $includes -Ipillow/src/libImaging "$here/pillow_target.c" objects/*.o $embedded -lisal -lz -o "libpillow-$name.so"
    rm -rf pillow objects
}

fuzzer() {
    name="$1"
    shift
    # shellcheck disable=SC2086
    clang -g -O1 -fsanitize=fuzzer $check -I"$here" $includes "$here/${name}_fuzzer.c" "$here/compare.c" \
        "$@" -Wl,-rpath,"$made" -o "$name"
}

jpeg published
jpeg changed HALVES
fuzzer jpeg ./libjpeg-published.so ./libjpeg-changed.so

archive="$(echo "$sources"/pillow-[0-9]*.tar.gz)" simd="$(echo "$sources"/pillow_simd-*.tar.gz)"
mkdir pillow
tar -xzf "$archive" -C pillow --strip-components=1
pillow published
# pillow-simd's code alone, without what we have changed in it.
changes="$(cd "$base/patches" && for patch in pillow-*.patch; do basename "$patch" .patch; done)"
# shellcheck disable=SC2086
sh "$base/pillow.sh" "$archive" "$simd" pillow $changes
pillow joined
sh "$base/pillow.sh" "$archive" "$simd" pillow
# Small inputs reach what large files do: a piece of 17 bytes is a large one, and four rows are inflated at a time.
pillow changed -DHAVE_ISAL -DPARTS -DPNG_PIECE=16 -DPNG_CHUNK=64
# shellcheck disable=SC2086
fuzzer png ./libpillow-published.so ./libpillow-changed.so "$here/python.c" $embedded
# shellcheck disable=SC2086
fuzzer pixels ./libpillow-published.so ./libpillow-joined.so ./libpillow-changed.so "$here/python.c" $embedded
rm -rf "$CCACHE_DIR"
