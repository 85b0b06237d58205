#!/usr/bin/env bash
# Builds the command and the C libraries for release: below target/release-build, for Linux systems with glibc 2.17 and newer.
#
#   target/release-build/command/amop       the command
#   target/release-build/library/           libamop.so and libamop.a, without embedded nodes
#   target/release-build/with-devnet/       the same with embedded nodes
#   target/release-build/BUILD              the commit and the versions of the compilers, by which others build the same bytes
#
# release-build.sh [FOLDER]: another folder than target/release-build, to compare two builds.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh
. scripts/release-tools.sh

export CARGO_TARGET_DIR=${1:-$PWD/target/release-build}
target=$(rustc -vV | sed -n 's/^host: //p')
built=$CARGO_TARGET_DIR/$target/release

build() {
    PATH=$tools:$PATH cargo zigbuild --release --locked --target "$target.2.17" "$@"
}
build --package amop-cli
install -D "$built/amop" "$CARGO_TARGET_DIR/command/amop"
for kind in library with-devnet; do
    features=
    [ $kind = library ] || features=devnet
    build --package amop-capi --features "$features"
    install -Dm755 "$built/libamop.so" "$CARGO_TARGET_DIR/$kind/libamop.so"
    install -Dm644 "$built/libamop.a" "$CARGO_TARGET_DIR/$kind/libamop.a"
done
{
    echo "commit: $(git rev-parse HEAD)"
    rustc -vV
    echo "zig: $("$tools/python" -m ziglang version)"
} >"$CARGO_TARGET_DIR/BUILD"
