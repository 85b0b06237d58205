#!/usr/bin/env bash
# Four nodes, eight clients, random faults: scripts/chaos.sh [SEED] [SECONDS]. The seed is printed; the same seed breaks
# the same things in the same order, at nodes of the same traits. What is asked at the end: docs/reliability.md.
set -euo pipefail
cd "$(dirname "$0")/.."

export AMOP_CHAOS_SEED=${1:-$((RANDOM * 32768 + RANDOM))}
export AMOP_CHAOS_SECONDS=${2:-60}
cargo test --locked --package amop-tests --test reliability -- --nocapture chaos::
