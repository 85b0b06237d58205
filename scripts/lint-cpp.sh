#!/usr/bin/env bash
# Checks that the C++ headers cover the whole C interface, that each header compiles alone with each installed compiler,
# and the format.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

# Every function and constant of amop.h is used in a C++ header, except:
# - macros;
# - names of values: to_string has those of C++, and statistics are members;
# - what C returns for an invalid index;
# - what a handler of events that is set before connecting does (amop_options_events), and setters (amop_options_set).
named=$(sed -E '/^ *(\/\*|\*)/d' include/amop.h | grep -oE '\<(amop_[a-z0-9_]+ ?\(|AMOP_[A-Z0-9_]+)' | tr -d ' (' | sort -u)
unused=$(grep -vxF -f <(grep -ohE '\<(amop|AMOP)_\w+' include/amop/*.hpp | sort -u) <<<"$named" \
    | grep -vxE 'AMOP_(H|API|MUST_USE|VERSION(_MAJOR|_MINOR|_PATCH)?)' \
    | grep -vxE '(amop_(event_kind_name|stat_name|verification_state_name|options_events|options_set)|AMOP_VERIFICATION_NONE)' || true)
if [ -n "$unused" ]; then
    printf 'these names of amop.h are not available in include/amop:\n%s\n' "$unused" >&2
    exit 1
fi

# Include each header alone, twice. Headers define no macros.
mkdir -p build
strict=(-Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wundef)
for compiler in ${CXX:-c++} clang++; do
    command -v "$compiler" >/dev/null || continue
    for header in include/amop.hpp include/amop/*.hpp; do
        # Coroutines need C++20.
        standard=c++17
        [ "$header" != include/amop/awaitable.hpp ] || standard=c++20
        printf '#include "%s"\n#include "%s"\n' "$header" "$header" >build/header.cpp
        "$compiler" "-std=$standard" "${strict[@]}" -I. -fsyntax-only build/header.cpp
        "$compiler" "-std=$standard" -fno-exceptions "${strict[@]}" -I. -fsyntax-only build/header.cpp
    done
    printf '#include "include/amop.hpp"\n' >build/header.cpp
    "$compiler" -std=c++20 "${strict[@]}" -I. -fsyntax-only build/header.cpp
done
# Including everything costs no streams, threads, regular expressions or coroutines.
heavy=$("${CXX:-c++}" -std=c++17 -I. -M build/header.cpp | tr ' ' '\n' | grep -E '/(iostream|sstream|fstream|iomanip|regex|thread|coroutine)$' || true)
if [ -n "$heavy" ]; then
    printf 'amop.hpp includes what programs may not need:\n%s\n' "$heavy" >&2
    exit 1
fi
if grep -n '^ *# *define' include/amop.hpp include/amop/*.hpp; then
    echo "C++ headers must not define macros" >&2
    exit 1
fi

if ! command -v clang-format >/dev/null; then
    echo "clang-format isn't installed (make setup installs it)"
    exit 77
fi
clang-format --dry-run --Werror include/amop.hpp include/amop/*.hpp bindings/cpp/tests/*pp benches/programs/*.cpp examples/cpp/*pp
