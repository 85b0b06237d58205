#!/usr/bin/env bash
# Format, clippy and rustdoc of the Rust crates, warnings denied, and what must never get among the dependencies.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo fmt --all --check
cargo fmt --manifest-path fuzz/Cargo.toml --check
cargo clippy --locked --all-targets -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps

# TLS is rustls on ring. A second provider would come in by one dependency's default feature, cost a C build of
# minutes, and make rustls panic where it picks a default.
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
