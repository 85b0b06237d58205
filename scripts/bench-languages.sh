#!/usr/bin/env bash
# Compares what a message costs in each language: builds the programs in benches/programs with the release library, and
# runs them beside each other. Arguments go to amop-bench, such as `--rounds 7`. docs/performance.md explains the output.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh
. scripts/go-toolchain.sh

if [ ! -x .venv/bin/maturin ]; then
    echo "the Python package needs the tools in .venv (make setup installs them)"
    exit 77
fi
use_library release build/bench/library
flags=$(pkg-config --cflags --libs amop-static)
# shellcheck disable=SC2086 # flags are words
{
    "${CC:-cc}" -std=c11 -O2 -Wall -Wextra -Werror benches/programs/program.c $flags -o build/bench/c
    "${CXX:-c++}" -std=c++17 -O2 -Wall -Wextra -Werror benches/programs/program.cpp $flags -o build/bench/cpp
}
(cd benches/programs/go && go build -o "$OLDPWD/build/bench/go" .)
# The package in .venv is that of the tests, which isn't optimised, so this one gets an environment of its own.
[ -x build/bench/venv/bin/python ] || python3 -m venv build/bench/venv
VIRTUAL_ENV=$PWD/build/bench/venv .venv/bin/maturin develop --quiet --locked --release --target-dir target/python
cargo build --release --locked -p amop-benches

load() { if [ -r /proc/loadavg ]; then cut -d' ' -f1-3 /proc/loadavg; else echo unknown; fi; }
echo "$(nproc) CPUs, load average before: $(load)"
echo
bench=${CARGO_TARGET_DIR:-target}/release/amop-bench
python=build/bench/venv/bin/python
"$bench" --program "Rust=$bench --rust" --program "C, queue=build/bench/c" --program "C++, futures=build/bench/cpp" \
    --program "Go, goroutines=build/bench/go" --program "Go, async=build/bench/go async" \
    --program "Python, futures=$python benches/programs/program.py" \
    --program "Python, tasks=$python benches/programs/program.py aio" "$@"
echo "load average after: $(load)"
