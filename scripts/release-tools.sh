# shellcheck shell=bash disable=SC2034 # others use the variables
# Sourced by the scripts that build a release, at the root of the checkout: installs their Python tools, and sets how the
# compiler is to work.
#
# Sets `tools` (the folder of the programs), and what release-settings.sh sets.
. scripts/release-settings.sh

# Keep pip from looking for newer versions of itself.
export PIP_DISABLE_PIP_VERSION_CHECK=1

tools=$PWD/target/release-tools/bin
[[ ${OS:-} != Windows* ]] || tools=$PWD/target/release-tools/Scripts
if ! cmp --silent scripts/requirements-release.txt "$tools/../requirements.txt"; then
    python3 -m venv "$tools/.."
    "$tools/pip" install --quiet --requirement scripts/requirements-release.txt
    cp scripts/requirements-release.txt "$tools/../requirements.txt"
fi

# The results say nothing of the machine that built them, and are the same bytes on each.
export RUSTFLAGS="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=/crates --remap-path-prefix=$PWD=/amop"
# The same for the C and assembly of ring, whose objects keep their debug information in the static library.
if [[ ${OS:-} != Windows* ]]; then
    export CFLAGS="-ffile-prefix-map=${CARGO_HOME:-$HOME/.cargo}/registry/src=/crates -ffile-prefix-map=$PWD=/amop"
fi
# glibc unwinds a thread that ends by pthread_exit or a cancellation with the unwinder of GCC, also through frames of this
# library. They must use the same one: with that of zig, which it links by default, the process crashes.
if [[ $(rustc -vV) == *"host: "*-linux-gnu* ]]; then
    RUSTFLAGS+=" -C link-arg=$(realpath "$(cc -print-file-name=libgcc_s.so.1)") -C link-arg=-Wl,--allow-shlib-undefined"
fi
