#!/usr/bin/env bash
# Builds the C++ examples, optimised, as build/examples/cpp/NAME.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

AMOP_FEATURES=devnet PREFIX=build/library scripts/install-c.sh "${AMOP_PROFILE:-release}"
cmake -S examples/cpp -B build/examples/cpp -DCMAKE_PREFIX_PATH="$PWD/build/library" -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build build/examples/cpp --parallel
find "$PWD/build/examples/cpp" -maxdepth 1 -type f -executable -printf "build/examples/cpp/%f\n" | sort
