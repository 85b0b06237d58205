#!/usr/bin/env bash
# Checks the Rust crates with rustfmt, clippy and rustdoc, warnings denied, and that no forbidden crate is a dependency.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

cargo fmt --all --check
cargo fmt --manifest-path fuzz/Cargo.toml --check
cargo clippy --locked --all-targets -- -D warnings
# The library without the channels of GM chains.
cargo clippy --locked --package amop --package amop-capi --no-default-features -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps

# Every crate can be packaged: what it depends on has a version, and its files are complete. Building the packages would
# compile everything once more.
cargo package --locked --workspace --allow-dirty --no-verify --quiet

# TLS is rustls on ring. The default feature of a dependency could add a second provider, which takes minutes to build in
# C and makes rustls panic when it picks a default.
for crate in aws-lc-sys openssl-sys; do
    code=0
    tree=$(cargo tree --locked --workspace --target all --edges all --invert "$crate" 2>&1) || code=$?
    case $tree in
        *"did not match any packages"* | *"nothing to print"*) ;;
        *)
            echo "$tree" >&2
            [ "$code" -ne 0 ] || echo "$crate must not be among the dependencies" >&2
            exit 1
            ;;
    esac
done
