#!/usr/bin/env bash
# Lints the crate of the C interface and checks the format of the C code. Compiler warnings are errors in every C build.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo clippy --locked --package amop-capi --all-targets -- -D warnings
cargo clippy --locked --package amop-capi --no-default-features -- -D warnings

if ! command -v clang-format >/dev/null; then
    echo "clang-format isn't installed (make setup installs it)"
    exit 77
fi
clang-format --dry-run --Werror bindings/c/tests/*.[ch] bindings/c/tests/consumer/*.c examples/c/*.[ch]
