#!/bin/sh
# Makes the sources of the Pillow that the images run on x86: Pillow's own, pillow-simd's code for what the machine does
# with pixels, and our changes.
#
#   pillow.sh PILLOW.tar.gz PILLOW-SIMD.tar.gz DIRECTORY [CHANGE ...]
#
# DIRECTORY comes into being; each CHANGE is the name of a patch to leave out, such as pillow-transpose-bytes.
set -eu

pillow="$1" simd="$2" made="$3"
shift 3
patches="$(cd "$(dirname "$0")" && pwd)/patches"

# Prints the version that an unpacked source archive states.
stated() {
    sed -n 's/^Version: //p' "$1/PKG-INFO"
}

# Prints one function of a C file that is formatted as pillow-simd's are.
function_of() {
    printf '\nstatic void\n'
    sed -n "/^$1(/,/^}/p" "$2"
}

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir -p "$made"
tar -xzf "$pillow" -C "$made" --strip-components=1
tar -xzf "$simd" -C "$work" --strip-components=1

from="$work/src/libImaging" to="$made/src/libImaging"
cp "$from/ImagingSIMD.h" "$from/Reduce.c" "$from/ResampleSIMDHorizontalConv.c" "$from/ResampleSIMDVerticalConv.c" "$to"
for name in rgbA2rgba rgba2rgbA; do function_of "$name" "$from/Convert.c"; done >"$to/PremultiplySIMD.h"

# The change that joins the two comes first; the others are made in the order of their names.
for patch in "$patches/pillow-simd.patch" "$patches"/pillow-[!s]*.patch; do
    name="$(basename "$patch" .patch)"
    case " $* " in *" $name "*) continue ;; esac
    if ! patch --quiet --no-backup-if-mismatch --strip=1 --directory="$made" <"$patch"; then
        echo "pillow.sh: $name does not apply; has a change been left out that it builds on?" >&2
        exit 1
    fi
done

# What it is, in the words of https://packaging.python.org/en/latest/specifications/version-specifiers/.
version="$(stated "$made")+simd.$(stated "$work")"
sed -i "s/^__version__ = .*/__version__ = \"$version\"/" "$made/src/PIL/_version.py"
