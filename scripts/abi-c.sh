#!/usr/bin/env bash
# Compares the ABI with the committed dump, by libabigail: scripts/abi-c.sh LIBRARY, or --write to write a new dump.
#
# The debug information of the library describes the internals of every handle, which change with each commit and are not
# part of the ABI. So the dump is made of a library whose functions do nothing, declared by the header, which tests compare
# with the sources; and the exported names of the real library must be exactly the declared ones. After a compatible
# change, with which compiled programs still work, write a new dump; after any other, also raise the number in
# bindings/c/build.rs (AMOP_ABI and the soname).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

if ! command -v abidw >/dev/null; then
    echo "the ABI can't be compared without abidw and abidiff (make setup installs them)"
    exit 77
fi
header=bindings/c/tests/header.sh
soname=libamop.so.$(sed -nE 's/^#define AMOP_ABI ([0-9]+)/\1/p' include/amop.h)
committed=bindings/c/abi/$soname.abi

# Define the C99 names by the compiler's own types, without the system's headers, which differ between systems.
mkdir -p build/abi/include
for bits in 8 16 32 64; do
    echo "typedef __INT${bits}_TYPE__ int${bits}_t; typedef __UINT${bits}_TYPE__ uint${bits}_t;"
done >build/abi/include/stdint.h
echo "typedef __SIZE_TYPE__ size_t;" >build/abi/include/stddef.h
echo "#define bool _Bool" >build/abi/include/stdbool.h

$header stub include/amop.h >build/abi/amop.c
# DWARF 4, because older versions of libabigail can't read later ones.
(cd build/abi && "${CC:-cc}" -std=c99 -g -gdwarf-4 -fno-eliminate-unused-debug-types -fPIC -shared \
    -nostdinc -Iinclude -I../../include -Wl,-soname,"$soname" amop.c -o "$soname")

if [ "$1" = --write ]; then
    abidw --load-all-types --no-show-locs --no-corpus-path --no-comp-dir-path --no-elf-needed --type-id-style hash \
        --out-file "$committed" "build/abi/$soname"
    echo "$committed"
    exit
fi

if ! diff --label declared --label exported -U 0 <($header names include/amop.h) \
    <(nm --dynamic --defined-only --format=just-symbols "$1" | sort); then
    echo "$1 doesn't export exactly what include/amop.h declares" >&2
    exit 1
fi
if ! readelf --dynamic --wide "$1" | grep -qF "soname: [$soname]"; then
    echo "$1 doesn't have the soname $soname" >&2
    exit 1
fi
if ! abidiff --non-reachable-types "$committed" "build/abi/$soname"; then
    echo "the ABI differs from $committed: see the head of $0" >&2
    exit 1
fi
