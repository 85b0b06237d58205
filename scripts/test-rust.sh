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
# A part of the tests of the client again, over the other kinds of channels; all of them run over each in test-deep.
for tls in static-rsa gm; do
    echo "over $tls"
    AMOP_TEST_TLS=$tls cargo test --locked --package amop-tests --test client -- channels:: renewing::
done
# Nodes of 3.x with SM certificates, and without TLS.
for tls in tlcp off; do
    echo "over $tls at nodes of 3.x"
    AMOP_TEST_TLS=$tls cargo test --locked --package amop-tests --test client -- both::unicasts both::broadcast both::topic
done
