#!/usr/bin/env bash
# Formats the C++ code.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

if ! command -v clang-format >/dev/null; then
    echo "clang-format isn't installed (make setup installs it)"
    exit 77
fi
clang-format -i include/amop.hpp include/amop/*.hpp bindings/cpp/tests/*pp benches/programs/*.cpp examples/cpp/*pp
