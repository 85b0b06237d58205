#!/usr/bin/env bash
# Compares the ABI with the one that is committed, by libabigail: scripts/abi-c.sh LIBRARY, or --write to commit another.
#
# The library's own debug information holds the insides of every handle, which change with each commit and are nobody's
# business. So what is compared is a library of C functions that do nothing, declared by the header, which tests hold
# against the sources; and the names that the real one exports, each and no other. After a change: is it compatible, so
# that programs compiled before go on working, write it anew; else the number in bindings/c/build.rs (the soname) goes up too.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v abidw >/dev/null; then
    echo "the ABI can't be compared without abidw and abidiff (make setup installs them)"
    exit 77
fi
header=bindings/c/tests/header.sh
soname=$(sed -nE 's/.*-soname,(libamop\.so\.[0-9]+)".*/\1/p' bindings/c/build.rs)
committed=bindings/c/abi/$soname.abi

# The compiler's own types under the names of C99, and no more of the system's headers, which differ.
mkdir -p build/abi/include
for bits in 8 16 32 64; do
    echo "typedef __INT${bits}_TYPE__ int${bits}_t; typedef __UINT${bits}_TYPE__ uint${bits}_t;"
done >build/abi/include/stdint.h
echo "typedef __SIZE_TYPE__ size_t;" >build/abi/include/stddef.h
echo "#define bool _Bool" >build/abi/include/stdbool.h

$header stub include/amop.h >build/abi/amop.c
# DWARF 4: older versions of libabigail read no later one.
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
    echo "$1 exports something else than include/amop.h declares" >&2
    exit 1
fi
if ! readelf --dynamic --wide "$1" | grep -qF "soname: [$soname]"; then
    echo "$1 isn't named $soname" >&2
    exit 1
fi
if ! abidiff --non-reachable-types "$committed" "build/abi/$soname"; then
    echo "the ABI is not the one in $committed: $0 says what to do" >&2
    exit 1
fi
