#!/usr/bin/env bash
# Lints of the C interface's crate, and the format of the C code; its compiler warnings are errors wherever C is built.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo clippy --locked --package amop-capi --all-targets -- -D warnings
cargo clippy --locked --package amop-capi --no-default-features -- -D warnings

if ! command -v clang-format >/dev/null; then
    echo "clang-format isn't installed (make setup installs it)"
    exit 77
fi
clang-format --dry-run --Werror bindings/c/tests/*.[ch] bindings/c/tests/consumer/*.c examples/c/*.[ch]
