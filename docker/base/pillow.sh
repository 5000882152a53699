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
here="$(cd "$(dirname "$0")" && pwd)"

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

patch --quiet --strip=1 --directory="$made" <"$here/patches/simd-in-pillow.patch"
sh "$here/changes.sh" "$made" pillow "$@"

# What it is, in the words of https://packaging.python.org/en/latest/specifications/version-specifiers/.
version="$(stated "$made")+simd.$(stated "$work")"
sed -i "s/^__version__ = .*/__version__ = \"$version\"/" "$made/src/PIL/_version.py"
