#!/usr/bin/env bash
# Formats the Rust crates.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo fmt --all
cargo fmt --manifest-path fuzz/Cargo.toml
