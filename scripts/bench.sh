#!/bin/sh
# The benchmark, two minutes; arguments go to it (`scripts/bench.sh --help`). How to read it: docs/performance.md.
set -eu
cd "$(dirname "$0")/.."
cargo build --release -p amop-benches
load() { if [ -r /proc/loadavg ]; then cut -d' ' -f1-3 /proc/loadavg; else echo unknown; fi; }
# Other work on the machine shows in every figure: say how much there was.
echo "$(nproc) CPUs, load average before: $(load)"
echo
"${CARGO_TARGET_DIR:-target}/release/amop-bench" "$@"
echo "load average after: $(load)"
