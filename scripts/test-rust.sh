#!/usr/bin/env bash
# Tests the Rust crates: unit tests, behaviour over real sockets and TLS, documentation examples.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

if ! command -v openssl >/dev/null; then
    echo "the tests need the openssl command, as another TLS implementation: run make setup" >&2
    exit 1
fi
# Peers that .venv brings must be there if it does.
if [ -x .venv/bin/python ]; then
    export AMOP_REQUIRE_PEERS=1
fi
cargo test --locked --no-fail-fast "$@"
