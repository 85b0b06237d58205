#!/bin/sh
# Runs the benchmark, which takes two minutes, with the given arguments (`scripts/bench.sh --help`). docs/performance.md
# explains the output.
set -eu
cd "$(dirname "$0")/.."
. scripts/lock.sh
cargo build --release -p amop-benches
load() { if [ -r /proc/loadavg ]; then cut -d' ' -f1-3 /proc/loadavg; else echo unknown; fi; }
# Print the load average, because other work on the machine affects every figure.
echo "$(nproc) CPUs, load average before: $(load)"
echo
"${CARGO_TARGET_DIR:-target}/release/amop-bench" "$@"
echo "load average after: $(load)"
