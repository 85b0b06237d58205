#!/usr/bin/env bash
# Checks the licences and sources of all crates (deny.toml), and compares their versions with the database of known vulnerabilities.
# Installs cargo-deny and cargo-audit into build/tools, which takes minutes, if they are missing. The database is fetched from GitHub; where
# that can't be reached, `scripts/audit.sh --no-fetch --db FOLDER` takes a clone of https://github.com/RustSec/advisory-db.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

PATH=$PWD/build/tools/bin:$PATH
for tool in cargo-deny cargo-audit; do
    command -v "$tool" >/dev/null || cargo install --locked --root build/tools "$tool"
done
cargo deny --locked --workspace check --hide-inclusion-graph licenses bans sources
# RUSTSEC-2023-0071: the timing of RSA decryption. Only embedded nodes decrypt with `rsa`, and they are for tests.
cargo audit --ignore RUSTSEC-2023-0071 "$@"
