#!/usr/bin/env bash
# The tests of the C interface: the header, and programs against an installed library.
#
# The header is generated: AMOP_WRITE_HEADER=1 cargo test -p amop-capi --test header writes include/amop.h anew.
set -euo pipefail
cd "$(dirname "$0")/.."

for tool in cmake pkg-config; do
    if ! command -v "$tool" >/dev/null || ! pkg-config --exists cmocka; then
        echo "the C tests need cmake, pkg-config and cmocka (make setup installs them)"
        exit 77
    fi
done
strict=(-Wall -Wextra -Wpedantic -Werror)

cargo test --locked --package amop-capi
PREFIX=build/stage scripts/install-c.sh dev

# The header alone, twice, as C99 and as C++17.
printf '#include "amop.h"\n#include "amop.h"\nint main(void) { return 0; }\n' >build/header.c
"${CC:-cc}" -std=c99 "${strict[@]}" -Wundef -Wstrict-prototypes -Ibuild/stage/include -c build/header.c -o build/header.o
"${CXX:-c++}" -std=c++17 "${strict[@]}" -Wundef -x c++ -Ibuild/stage/include -c build/header.c -o build/header.o

cmake -S bindings/c -B build/c -DCMAKE_PREFIX_PATH="$PWD/build/stage" >build/c.log
cmake --build build/c --parallel >>build/c.log || { cat build/c.log && exit 1; }
ctest --test-dir build/c --output-on-failure
