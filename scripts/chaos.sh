#!/usr/bin/env bash
# Runs random faults on four nodes of each generation and eight clients: scripts/chaos.sh [SEED] [SECONDS]. Prints the seed; the same seed
# causes the same faults in the same order, at nodes with the same behaviour. docs/reliability.md lists the checks at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

export AMOP_CHAOS_SEED=${1:-$((RANDOM * 32768 + RANDOM))}
export AMOP_CHAOS_SECONDS=${2:-60}
cargo test --locked --package amop-tests --test reliability -- --nocapture chaos::
