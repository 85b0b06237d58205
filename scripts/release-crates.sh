#!/usr/bin/env bash
# Packages the crates, builds each from its package, and installs the command from the packages as `cargo install` would:
# build/release/*.crate.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh
. scripts/release-settings.sh
unset RUSTFLAGS

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Cargo builds what it packaged, each with the packages of the others in place of the registry.
selected=()
for crate in "${crates[@]}"; do selected+=(--package "$crate"); done
rm -rf target/package
cargo package --locked "${selected[@]}"
rm -f "$release"/*.crate
cp target/package/*.crate "$release/"
scripts/release-publish.sh crates "$version" try

# The command, from the packages alone, outside of the workspace.
config=()
for crate in "${crates[@]}"; do
    tar -xzf "$release/$crate-$version.crate" -C "$work"
    config+=(--config "patch.crates-io.$crate.path='$work/$crate-$version'")
done
cargo install --quiet --debug --path "$work/amop-cli-$version" --root "$work/installed" --target-dir target/package-install \
    "${config[@]}"
"$work/installed/bin/amop" demo >"$work/demo"
grep --quiet "Subscriber success" "$work/demo"

# A library from outside that depends on the crate of the core.
mkdir -p "$work/outside/src"
cat >"$work/outside/Cargo.toml" <<END
[package]
name = "outside"
edition = "2024"

[dependencies]
amop = "$version"
tokio = { version = "1", features = ["rt", "macros"] }

[workspace]
END
# The program of the crate's page.
# shellcheck disable=SC2016 # nothing is to be expanded
sed -n '/^```rust,no_run$/,/^```$/{/^```/d;p}' src/README.md >"$work/outside/src/main.rs"
cargo check --quiet --manifest-path "$work/outside/Cargo.toml" --target-dir target/package-install "${config[@]}" \
    --config "unused-patches='allow'" 2>&1 | { grep -v "was not used in the crate graph" || true; }
