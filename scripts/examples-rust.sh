#!/usr/bin/env bash
# Builds the Rust examples, optimised, as build/examples/rust/NAME.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

cargo build --release --locked --package amop --examples
mkdir -p build/examples/rust
for source in examples/rust/*.rs; do
    name=$(basename "$source" .rs)
    cp "${CARGO_TARGET_DIR:-target}/release/examples/$name" "build/examples/rust/$name"
    echo "build/examples/rust/$name"
done
