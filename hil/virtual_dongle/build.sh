#!/bin/sh
# Compile the virtual librtlsdr into the folder $1 as librtlsdr.so and librtlsdr.so.0.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
# what -ffast-math is good for here, piece by piece: as a whole it links crtfastm.o, which takes subnormal numbers from whoever loads the library
fast="-fno-math-errno -fno-trapping-math -fno-signed-zeros -fassociative-math -freciprocal-math -ffinite-math-only"
# shellcheck disable=SC2086  # one flag a word
${CC:-cc} -std=c11 -D_GNU_SOURCE -O3 $fast -march=native -fPIC -shared -fvisibility=hidden -Wall -Wextra -Werror \
	-Wl,-soname,librtlsdr.so.0 -o "$1/librtlsdr.so.0" "$here/librtlsdr.c" "$here/scene.c" -lm -lpthread
ln -sf librtlsdr.so.0 "$1/librtlsdr.so"
