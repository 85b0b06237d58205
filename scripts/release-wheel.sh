#!/usr/bin/env bash
# Builds the wheel for another system than that of scripts/wheel-python.sh, and tries it where it can run here:
# release-wheel.sh TARGET COMPATIBILITY. For the release workflow; only x86_64 Linux was ever tried.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh
. scripts/release-tools.sh

target=$1
linker=()
programs=$(basename "$tools") # bin, or Scripts on Windows
rustup target add "$target"
# The unwinder of glibc is no part of other systems, nor of musl.
[[ $target == *-linux-gnu ]] || RUSTFLAGS=${RUSTFLAGS/-C link-arg=*/}
[[ $target != *-linux-* ]] || linker=(--zig)
# Without a C compiler for the target, zig builds ring as well.
PATH=$tools:$PATH "$tools/maturin" build --release --strip --locked --target "$target" --compatibility "$2" "${linker[@]}" --out build/python
python3 scripts/wheel-places.py build/python/*.whl .
if [ "$(rustc -vV | sed -n 's/^host: //p')" = "$target" ]; then
    python3 -m venv target/wheel-try
    "target/wheel-try/$programs/pip" install --no-index build/python/*.whl
    "target/wheel-try/$programs/amop" demo
fi
