#!/usr/bin/env bash
# Installs what users get below PREFIX (/usr/local), with DESTDIR in front of it while a package is made.
set -euo pipefail
cd "$(dirname "$0")/.."

prefix=$(realpath --canonicalize-missing "${PREFIX:-/usr/local}")
into=${DESTDIR:-}$prefix

# The command.
cargo build --release --locked --package amop-cli
install -Dm755 "${CARGO_TARGET_DIR:-target}/release/amop" "$into/bin/amop"
echo "$into/bin/amop"

# The C library.
scripts/install-c.sh
