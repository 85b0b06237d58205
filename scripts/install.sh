#!/usr/bin/env bash
# Installs the command and the C library below PREFIX (/usr/local), prefixed with DESTDIR for packaging. AMOP_BUILT names a
# folder that scripts/release-build.sh filled; by default cargo builds both. AMOP_PARTS=command installs the command alone.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

prefix=$(realpath --canonicalize-missing "${PREFIX:-/usr/local}")
into=${DESTDIR:-}$prefix

# The command, with its manual pages and completions, which it writes itself.
if [ -n "${AMOP_BUILT:-}" ]; then
    command=$AMOP_BUILT/command/amop
else
    cargo build --release --locked --package amop-cli
    command=${CARGO_TARGET_DIR:-target}/release/amop
fi
install -Dm755 "$command" "$into/bin/amop"
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
[ "${AMOP_PARTS:-}" = command ] || AMOP_FEATURES=devnet scripts/install-c.sh
