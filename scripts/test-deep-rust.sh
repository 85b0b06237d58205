#!/usr/bin/env bash
# Longer Rust tests: those of the client over every kind of channel, fuzzing of each decoder for FUZZ_SECONDS (20),
# property tests with PROPTEST_CASES (20,000), changed TLS handshakes, TLS_MUTATIONS (80,000) of each of 13 kinds, random
# faults for CHAOS_SECONDS (60), and a soak test of the embedded nodes for SOAK_SECONDS (60).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

export PROPTEST_CASES=${PROPTEST_CASES:-20000}
cargo test --locked --package amop-tests --test wire -- properties
# Our own code is optimised for what takes long otherwise: handshakes, and the ciphers of GM channels.
export CARGO_PROFILE_DEV_OPT_LEVEL=1
AMOP_TLS_MUTATIONS=${TLS_MUTATIONS:-80000} cargo test --locked --package amop --lib -- engine::tests::mutation
for tls in static-rsa gm; do
    echo "over $tls"
    AMOP_TEST_TLS=$tls cargo test --locked --package amop-tests --test client
done
for tls in tlcp off; do
    echo "over $tls at nodes of 3.x"
    AMOP_TEST_TLS=$tls cargo test --locked --package amop-tests --test client -- both:: websocket:: malformed::
done
unset CARGO_PROFILE_DEV_OPT_LEVEL
scripts/chaos.sh "" "${CHAOS_SECONDS:-60}"
AMOP_SOAK_SECONDS=${SOAK_SECONDS:-60} cargo test --locked --package amop-devnet --test soak -- --nocapture over_tls
scripts/fuzz.sh "${FUZZ_SECONDS:-20}"
cargo clippy --quiet --manifest-path fuzz/Cargo.toml -- -D warnings
