#!/usr/bin/env bash
# Formats the Rust crates.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

cargo fmt --all
cargo fmt --manifest-path fuzz/Cargo.toml
