#!/usr/bin/env bash
# Lints of the C interface's crate; its compiler warnings are errors wherever C is built.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo clippy --locked --package amop-capi --all-targets -- -D warnings
cargo clippy --locked --package amop-capi --no-default-features -- -D warnings
