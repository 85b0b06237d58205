#!/usr/bin/env bash
# Formats the C code, except for the header, which cbindgen generates.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

if ! command -v clang-format >/dev/null; then
    echo "clang-format isn't installed (make setup installs it)"
    exit 77
fi
clang-format -i bindings/c/tests/*.[ch] bindings/c/tests/consumer/*.c benches/programs/*.c examples/c/*.[ch]
