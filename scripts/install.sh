#!/usr/bin/env bash
# Installs the command and the C library below PREFIX (/usr/local), prefixed with DESTDIR for packaging.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

prefix=$(realpath --canonicalize-missing "${PREFIX:-/usr/local}")
into=${DESTDIR:-}$prefix

# The command, with its manual pages and completions, which it writes itself.
cargo build --release --locked --package amop-cli
install -Dm755 "${CARGO_TARGET_DIR:-target}/release/amop" "$into/bin/amop"
"$into/bin/amop" man --dir "$into/share/man/man1"
completions() { # SHELL FILE
    mkdir -p "$into/share/$(dirname "$2")"
    "$into/bin/amop" completions "$1" >"$into/share/$2"
}
completions bash bash-completion/completions/amop
completions zsh zsh/site-functions/_amop
completions fish fish/vendor_completions.d/amop.fish
echo "$into/bin/amop"

# The C library, with embedded nodes, so that the examples and the tests of programs run.
AMOP_FEATURES=devnet scripts/install-c.sh
