#!/usr/bin/env bash
# Sourced by the Go scripts at the root of the checkout: finds a Go that is new enough, and points cgo to the C library.
# Exits with 77 if a tool is missing.

# Keep Go from downloading a toolchain.
export GOTOOLCHAIN=local

find_go() {
    local wanted folder version
    wanted=$(sed -n 's/^go //p' bindings/go/go.mod)
    for folder in "$(dirname "$(command -v go || echo /nowhere/go)")" /usr/local/go/bin .venv/lib/python*/site-packages/go/bin; do
        [ -x "$folder/go" ] || continue
        version=$("$folder/go" env GOVERSION | sed 's/^go//; s/[^0-9.].*//')
        if [ "$(printf '%s\n' "$wanted" "$version" | sort -V | head -n 1)" = "$wanted" ]; then
            PATH=$(cd "$folder" && pwd):$PATH
            export PATH
            return
        fi
    done
    echo "Go $wanted or newer isn't installed (make setup installs it)"
    return 1
}

# Installs the library of PROFILE for the Go tests, where pkg-config and the loader find it: use_library PROFILE PREFIX
use_library() {
    AMOP_FEATURES=devnet PREFIX=$2 scripts/install-c.sh "$1"
    export PKG_CONFIG_PATH=$PWD/$2/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
    export LD_LIBRARY_PATH=$PWD/$2/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    # Go's build cache ignores changes of headers, so an unused macro is named after their content.
    CGO_CFLAGS="-O2 -g -DAMOP_H_$(sha256sum include/amop.h | cut -c 1-16)"
    export CGO_CFLAGS
}

for tool in "${CC:-gcc}" pkg-config; do
    if ! command -v "$tool" >/dev/null; then
        echo "Go needs $tool to build the binding (make setup installs it)"
        exit 77
    fi
done
find_go || exit 77
