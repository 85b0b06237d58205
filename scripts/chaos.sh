#!/usr/bin/env bash
# Random faults at four nodes with eight clients: scripts/chaos.sh [SEED] [SECONDS]. The seed is printed. It determines
# the faults, their order and the behaviour of the nodes. docs/reliability.md describes the checks at the end.
set -euo pipefail
cd "$(dirname "$0")/.."

export AMOP_CHAOS_SEED=${1:-$((RANDOM * 32768 + RANDOM))}
export AMOP_CHAOS_SECONDS=${2:-60}
cargo test --locked --package amop-tests --test reliability -- --nocapture chaos::
