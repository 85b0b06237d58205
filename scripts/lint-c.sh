#!/usr/bin/env bash
# Lints the crate of the C interface and checks the format of the C code. Compiler warnings are errors in every C build.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

cargo clippy --locked --package amop-capi --all-targets --features devnet -- -D warnings
cargo clippy --locked --package amop-capi -- -D warnings
# The library has no embedded nodes, nor RSA, unless it is built for tests and trials.
if cargo tree --locked --package amop-capi --edges normal --prefix none | grep -E '^(rsa|amop-devnet) '; then
    echo "the C library contains what only embedded nodes need" >&2
    exit 1
fi

# The reference of the interface; any warning is an error.
mkdir -p build
if ! command -v doxygen >/dev/null; then
    echo "doxygen isn't installed (make setup installs it)"
    exit 77
fi
doxygen bindings/c/Doxyfile

if ! command -v clang-format >/dev/null; then
    echo "clang-format isn't installed (make setup installs it)"
    exit 77
fi
clang-format --dry-run --Werror bindings/c/tests/*.[ch] bindings/c/tests/consumer/*.c benches/programs/*.c examples/c/*.[ch]
