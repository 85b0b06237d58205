#!/usr/bin/env bash
# Builds the C examples, optimised, as build/examples/c/NAME.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

if ! command -v cmake >/dev/null; then
    echo "the C examples need cmake (make setup installs it)"
    exit 77
fi
AMOP_FEATURES=devnet PREFIX=build/library scripts/install-c.sh "${AMOP_PROFILE:-release}"
cmake -S examples/c -B build/examples/c -DCMAKE_PREFIX_PATH="$PWD/build/library" -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build build/examples/c --parallel
find "$PWD/build/examples/c" -maxdepth 1 -type f -executable -printf "build/examples/c/%f\n" | sort
