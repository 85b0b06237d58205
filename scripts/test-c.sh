#!/usr/bin/env bash
# Tests the C interface: the header and the ABI; programs on an installed library, plain, under valgrind and with
# AddressSanitizer; and a program outside of this tree.
#
# The header is generated: AMOP_WRITE_HEADER=1 cargo test -p amop-capi --test header writes include/amop.h. So is the ABI
# dump: scripts/abi-c.sh --write.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

for tool in cmake pkg-config; do
    if ! command -v "$tool" >/dev/null || ! pkg-config --exists cmocka; then
        echo "the C tests need cmake, pkg-config and cmocka (make setup installs them)"
        exit 77
    fi
done
stage=$PWD/build/stage
strict=(-Wall -Wextra -Wpedantic -Werror)
lacking=()

cargo test --locked --package amop-capi
AMOP_FEATURES=devnet PREFIX=$stage scripts/install-c.sh dev

# Compile the header alone, included twice, as C99 and as C++17.
printf '#include "amop.h"\n#include "amop.h"\nint main(void) { return 0; }\n' >build/header.c
"${CC:-cc}" -std=c99 "${strict[@]}" -Wundef -Wstrict-prototypes -I"$stage/include" -c build/header.c -o build/header.o
"${CXX:-c++}" -std=c++17 "${strict[@]}" -Wundef -x c++ -I"$stage/include" -c build/header.c -o build/header.o

# Ignoring a handle is a warning, and a program may declare the functions by attributes of its own.
printf '#include "amop.h"\nint main(void) { amop_options_new(); return 0; }\n' >build/ignoring.c
if "${CC:-cc}" -std=c99 "${strict[@]}" -I"$stage/include" -c build/ignoring.c -o build/header.o 2>build/ignoring.log; then
    echo "a handle that is ignored is no warning" >&2
    exit 1
fi
grep -q unused-result build/ignoring.log
"${CC:-cc}" -std=c99 "${strict[@]}" -DAMOP_MUST_USE= -DAMOP_API=extern -I"$stage/include" -c build/ignoring.c -o build/header.o

code=0
scripts/abi-c.sh "$stage/lib/libamop.so" || code=$?
case $code in
    0) ;;
    77) lacking+=(abigail-tools) ;;
    *) exit "$code" ;;
esac

run() { # NAME SETTING...: builds the tests in build/NAME and runs them; also under valgrind if NAME is c
    local name=$1 filter=()
    shift
    [ "$name" = c ] || filter=(--label-exclude memcheck)
    cmake -S bindings/c -B "build/$name" -DCMAKE_PREFIX_PATH="$stage" "$@" >"build/$name.log"
    cmake --build "build/$name" --parallel >>"build/$name.log" || { cat "build/$name.log" && exit 1; }
    ctest --test-dir "build/$name" "${filter[@]}" --output-on-failure --parallel "$(nproc)"
}
run c -DAMOP_SANITIZE=
run c-sanitized -DAMOP_SANITIZE=address,undefined
if command -v clang >/dev/null; then
    run c-clang -DCMAKE_C_COMPILER=clang
fi
command -v valgrind >/dev/null || lacking+=(valgrind)

bindings/c/tests/consume.sh "$stage"
# With the libraries in the folder that Debian has for them.
libdir=lib/$("${CC:-cc}" -print-multiarch)
AMOP_FEATURES=devnet PREFIX=$stage-libdir LIBDIR=$libdir scripts/install-c.sh dev
bindings/c/tests/consume.sh "$stage-libdir" "$libdir"

if [ ${#lacking[@]} -gt 0 ]; then
    echo "passed, but a part of the C tests was skipped: install ${lacking[*]} (make setup does)"
    exit 77
fi
