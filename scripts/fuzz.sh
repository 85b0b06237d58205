#!/usr/bin/env bash
# Fuzzes each decoder for some seconds: scripts/fuzz.sh [SECONDS] [TARGET...]
#
# Builds the targets on the stable toolchain with the flags of cargo-fuzz, but without an address sanitizer, because the
# code under test forbids unsafe. Inputs that fail are stored in fuzz/artifacts/TARGET; reproduce a failure with:
# fuzz/target/x86_64-unknown-linux-gnu/release/TARGET FILE
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh
cd fuzz

seconds=${1:-20}
shift || true
if [ $# -gt 0 ]; then
    targets=("$@")
else
    targets=()
    for file in fuzz_targets/*.rs; do
        targets+=("$(basename "$file" .rs)")
    done
fi

# An explicit target triple keeps the flags away from build scripts and macros.
triple=$(rustc -vV | sed -n 's/^host: //p')
flags=(
    --cfg fuzzing
    -Cpasses=sancov-module
    -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0
    -Ccodegen-units=1
)
# Use the same versions of all dependencies as the workspace.
cp ../Cargo.lock Cargo.lock
RUSTC_BOOTSTRAP=1 RUSTFLAGS="${flags[*]}" CARGO_TARGET_DIR=target \
    cargo build --release --target "$triple" --bins

# The search starts from frames of real nodes.
seed() { # TARGET TYPE...: the bodies (for frame_reader the frames) of these types, numbers in hex
    python3 - "$@" <<'PYTHON'
import json, pathlib, sys

target, types = sys.argv[1], [int(number, 16) for number in sys.argv[2:]]
folder = pathlib.Path("corpus", target)
PIECES = bytes([3, 1, 7])  # the sizes of the pieces that the target cuts the frame into
for vector in json.loads(pathlib.Path("../tests/vectors/channel-2x.json").read_text()):
    frame = bytes.fromhex(vector["hex"])
    if int.from_bytes(frame[4:6], "big") in types:
        (folder / vector["name"]).write_bytes(frame + PIECES if target == "frame_reader" else frame[42:])
PYTHON
}

# The search starts from bytes of real 3.x nodes and clients.
seed_websocket() { # TARGET
    python3 - "$@" <<'PYTHON'
import json, pathlib, sys

target = sys.argv[1]
folder = pathlib.Path("corpus", target)
LAYERS = {"websocket_upgrade": ["http"], "websocket_message": ["message"], "websocket_frames": ["websocket", "message"]}
PIECES = bytes([3, 1, 7])  # the sizes of the pieces that the target cuts the stream into
for vector in json.loads(pathlib.Path("../tests/vectors/websocket-3x.json").read_text()):
    if vector["layer"] not in LAYERS[target] or not vector.get("hex"):
        continue
    seed = bytes.fromhex(vector["hex"])
    if target == "websocket_frames":
        if vector["layer"] == "message":
            seed = b"\x82\x7e" + len(seed).to_bytes(2, "big") + seed
        seed += PIECES
    (folder / vector["name"]).write_bytes(seed)
PYTHON
}

# The search starts from recorded handshakes.
seed_tls() { # TARGET: the first byte numbers the recording, the second the size of the pieces
    python3 - "$@" <<'PYTHON'
import pathlib, sys

target = sys.argv[1]
folder = pathlib.Path("corpus", target)
FILES = ["rsa-2x", "gm-2x-e011", "gm-2x-e013", "tlcp-3x-e013", "tlcp-tongsuo-e011"]
for number, name in enumerate(FILES):
    lines = pathlib.Path("../tests/vectors/tls", name + ".txt").read_text().splitlines()
    values = lambda label: [bytes.fromhex(line[len(label) + 2:]) for line in lines if line.startswith(label + ": ")]
    if target == "tls_client":
        records = values("server record")
        end = next(i for i, record in enumerate(records) if record[0] == 20) + 2
        (folder / name).write_bytes(bytes([number, 255]) + b"".join(records[:end]))
    elif target == "tls_server":
        (folder / name).write_bytes(bytes([number, 255]) + values("client output")[0])
        hello = values("client message")[0]
        version = hello[4:6]
        record = b"\x16" + version + len(hello).to_bytes(2, "big") + hello
        (folder / (name + "-hello")).write_bytes(bytes([number + len(FILES), 255]) + record)
    else:
        (folder / name).write_bytes(bytes([number, 0, 0]) + values("server record")[-1][5:])
PYTHON
}

# The search starts from files in the styles of users, without what the target puts before them.
seed_config() { # TARGET EXTENSION
    for file in ../tests/configs/*."$2"; do
        case $1 in
            config_json | config_xml) tail -c +2 "$file" >"corpus/$1/$(basename "$file")" ;;
            *) cp "$file" "corpus/$1/" ;;
        esac
    done
}

for target in "${targets[@]}"; do
    mkdir -p "corpus/$target" "artifacts/$target"
    case $target in
        frame_reader) seed "$target" 12 13 14 30 31 32 35 37 38 1001 ;;
        topic_body) seed "$target" 30 31 35 1001 ;;
        handshake) seed "$target" 14 ;;
        topic_list) seed "$target" 32 ;;
        rpc) seed "$target" 12 ;;
        verification) seed "$target" 37 38 ;;
        topic_keys) cp ../src/private/testdata/* "corpus/$target/" ;;
        tls_*) seed_tls "$target" ;;
        config_python) seed_config "$target" py ;;
        config_*) seed_config "$target" "${target#config_}" ;;
        websocket_*) seed_websocket "$target" ;;
    esac
    log=artifacts/$target/log
    if ! "target/$triple/release/$target" -max_total_time="$seconds" -max_len=8192 -timeout=10 \
        -rss_limit_mb=1024 -print_final_stats=1 -print_funcs=0 -artifact_prefix="artifacts/$target/" \
        "corpus/$target" >"$log" 2>&1; then
        cat "$log" >&2
        echo "fuzz: $target failed; the input is in fuzz/artifacts/$target" >&2
        exit 1
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    echo "fuzz: $target: $runs inputs in $seconds s, nothing found"
done
