#!/usr/bin/env bash
# Builds a wheel of the Python package and tests it as a user would: scripts/wheel-python.sh dev|release
#
# Both check the content of the wheel, and that it works in a fresh environment without other packages and without a
# compiler. release builds it optimised, for the oldest supported systems (manylinux2014, by zig's linker), from the source
# distribution, in clean environments, and writes build/python/*.whl and *.tar.gz.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh

kind=${1:?"dev or release?"}
# Keep pip from looking for newer versions of itself and from reading the user's settings.
export PIP_DISABLE_PIP_VERSION_CHECK=1
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case $kind in
    dev)
        out=$work/dist
        .venv/bin/maturin build --quiet --locked --target-dir target/python --auditwheel check --out "$out"
        ;;
    release)
        out=build/python
        rm -rf "$out"
        . scripts/release-tools.sh
        "$tools/maturin" sdist --out "$out"
        # Build the wheel from the source distribution only. It lacks the crates that the package doesn't need, so cargo
        # removes those from Cargo.lock; the other versions stay as they are.
        mkdir "$out/source"
        tar -xzf "$out"/*.tar.gz -C "$out/source" --strip-components 1
        # The licences of what is linked in: pyproject.toml puts this file into the wheel.
        scripts/third-party.py amop-python >"$out/source/THIRD-PARTY"
        (cd "$out/source" && PATH=$tools:$PATH maturin build --release --strip --zig \
            --compatibility manylinux2014 --auditwheel check --target-dir "$root/target/wheel" --out "$root/$out")
        scripts/wheel-places.py "$out"/*.whl "$out/source"
        "$tools/abi3audit" --strict "$out"/*.whl
        # The page at the registry renders, and the metadata is complete.
        "$tools/twine" check --strict "$out"/*.whl "$out"/*.tar.gz
        # pip builds the source distribution too, with the tools that it declares; not optimised, which would take long.
        python3 -m venv "$work/from-source"
        CARGO_TARGET_DIR=$root/target/python "$work/from-source/bin/pip" install --quiet \
            --config-settings build-args="--profile dev" "$out"/*.tar.gz
        "$work/from-source/bin/amop" --version
        # How threads are unwound at the end of the interpreter depends on the linker.
        cp -r python/tests "$work/tests"
        python3 -m venv "$work/tested"
        "$work/tested/bin/pip" install --quiet "$out"/*.whl "$(grep '^pytest==' scripts/requirements.txt)" \
            "$(grep '^pytest-asyncio==' scripts/requirements.txt)"
        (cd "$work" && tested/bin/python -m pytest --quiet -p no:cacheprovider tests/test_exit.py)
        ;;
    *)
        echo "invalid kind $kind: write dev or release" >&2
        exit 2
        ;;
esac

wheel=$(echo "$out"/*.whl)
python3 scripts/check-wheel.py "$kind" "$wheel"

python3 -m venv "$work/fresh"
# Hide compilers.
mkdir "$work/path"
export PATH=$work/path:/bin
for tool in cargo rustc cc gcc; do
    printf '#!/bin/sh\necho "a wheel needs no %s" >&2\nexit 1\n' "$tool" >"$work/path/$tool"
    chmod +x "$work/path/$tool"
done
"$work/fresh/bin/python" -m pip install --quiet --no-index "$wheel"
cd "$work"
demo=$("$work/fresh/bin/amop" demo)
grep --quiet "Subscriber success" <<<"$demo"
"$work/fresh/bin/python" - <<'PROGRAM'
import amop
from amop.devnet import Devnet

with Devnet(nodes=2) as devnet, devnet.connect(0) as client, devnet.connect(1) as server:
    server.serve("greet", lambda request: b"hello, " + request.data)
    reply = client.publish("greet", "Ada", wait_for_subscriber=True)
    assert reply.data == b"hello, Ada", reply
print(f"amop {amop.__version__} works in a fresh environment")
PROGRAM
