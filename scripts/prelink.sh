#!/usr/bin/env bash
# Links a static library into one object whose only global symbols are the functions of a header, so that it can be linked
# beside another static library of Rust, which has the same standard library in it: prelink.sh LIBRARY HEADER RESULT [strip]
#
# With `strip` the result has no debug information, as the shared library of a release.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$(dirname "$0")"/../bindings/c/tests/header.sh names "$2" >"$folder/names"
sed 's/^/--undefined=/' "$folder/names" >"$folder/options"
# Only what the functions need; the rest of the archive is left out.
"${LD:-ld}" --relocatable --gc-sections --gc-keep-exported "@$folder/options" "$1" -o "$folder/amop.o" \
    || "${LD:-ld}" --relocatable "@$folder/options" "$1" -o "$folder/amop.o"
# The bitcode that Rust embeds in its objects is no bitcode any more once it is concatenated.
"${OBJCOPY:-objcopy}" --keep-global-symbols="$folder/names" --remove-section=.llvmbc --remove-section=.llvmcmd \
    ${4:+--strip-debug} "$folder/amop.o"
rm -f "$3"
mkdir -p "$(dirname "$3")"
"${AR:-ar}" rcs "$3" "$folder/amop.o"
chmod 644 "$3"
