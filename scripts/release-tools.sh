# shellcheck shell=bash disable=SC2034 # others use the variables
# Sourced by the scripts that build a release, at the root of the checkout: installs their Python tools, and sets how the
# compiler is to work.
#
# Sets `tools` (the folder of the programs), `version`, `repository`, and `release` (build/release).

# Keep pip from looking for newer versions of itself.
export PIP_DISABLE_PIP_VERSION_CHECK=1

tools=$PWD/target/release-tools/bin
if ! cmp --silent scripts/requirements-release.txt "$tools/../requirements.txt"; then
    python3 -m venv "$tools/.."
    "$tools/pip" install --quiet --requirement scripts/requirements-release.txt
    cp scripts/requirements-release.txt "$tools/../requirements.txt"
fi

version=$(sed -nE '/^\[workspace.package\]/,/^\[workspace.lints/s/^version = "(.*)"/\1/p' Cargo.toml)
repository=$(sed -nE 's/^repository = "(.*)"/\1/p' Cargo.toml)
release=$PWD/build/release
mkdir -p "$release"

# The results say nothing of the machine that built them, and are the same bytes on each.
export RUSTFLAGS="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=/crates --remap-path-prefix=$PWD=/amop"
# glibc unwinds a thread that ends by pthread_exit or a cancellation with the unwinder of GCC, also through frames of this
# library. They must use the same one: with that of zig, which it links by default, the process crashes.
if [[ $(rustc -vV) == *"host: "*-linux-gnu* ]]; then
    RUSTFLAGS+=" -C link-arg=$(realpath "$(cc -print-file-name=libgcc_s.so.1)") -C link-arg=-Wl,--allow-shlib-undefined"
fi
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 0)
export SOURCE_DATE_EPOCH

# Archives FOLDER (below PARENT) as FILE, with the same bytes each time: archive FILE PARENT FOLDER
archive() {
    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -C "$2" -cf - "$3" | gzip -n9 >"$1"
}
