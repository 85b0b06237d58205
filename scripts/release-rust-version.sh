#!/usr/bin/env bash
# Checks the workspace with the oldest Rust that Cargo.toml's `rust-version` promises. Needs rustup, which installs that
# version if it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

oldest=$(sed -nE 's/^rust-version = "(.*)"/\1/p' Cargo.toml)
rustup toolchain install "$oldest" --profile minimal
cargo "+$oldest" check --locked --workspace --target-dir "target/rust-$oldest"
