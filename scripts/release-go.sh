#!/usr/bin/env bash
# Makes the Go module of a release (scripts/release-go-module.sh) and builds programs with it from outside: by a module proxy that is
# a folder, and by the tag that scripts/release-go-tag.sh makes, in a clone. Needs scripts/release-build.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh
. scripts/release-settings.sh
. scripts/go-toolchain.sh

scripts/release-go-module.sh
module=$(sed -n 's/^module //p' bindings/go/go.mod)
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT

# A clone that is hosted at another place, and has the tag of the release. Go knows how to fetch from github.com without asking
# there, and git is configured below to take the clone for it.
hosted=https://github.com/example/amop
clone=$work/clone
git clone --quiet . "$clone"
(
    unset AMOP_LOCKED
    export AMOP_BUILT=$PWD/target/release-build
    cd "$clone"
    scripts/set-repository.sh "$hosted" >/dev/null
    git -c user.name="The amop developers" -c user.email=amop@example.org commit --quiet --all --message "Set the repository"
    scripts/release-go-module.sh
    scripts/release-go-tag.sh "$version" local
    # A second run finds its own tag.
    scripts/release-go-tag.sh "$version" local
)

# From here on, a user who has Go and a C compiler alone.
checkout=$PWD
try=$PWD/scripts/release-try.sh
command=$PWD/target/release-build/command/amop
unset PKG_CONFIG_PATH LD_LIBRARY_PATH CGO_CFLAGS CGO_LDFLAGS RUSTFLAGS GONOPROXY GOPRIVATE
export GOWORK=off GOFLAGS=-mod=mod GOSUMDB=off GOCACHE=$work/cache

# Builds the example subscriber of CHECKOUT and the program of the module's page in FOLDER, and tries the subscriber.
outside() { # FOLDER CHECKOUT MODULE PROXY
    export GOPATH=$1-path GOPROXY=$4
    mkdir -p "$1/page"
    cp -r "$2/examples/go/program" "$2/examples/go/subscriber" "$1/"
    # shellcheck disable=SC2016 # nothing is to be expanded
    sed -n '/^```go$/,/^```$/{/^```/d;p}' "$2/bindings/go/README.md" >"$1/page/main.go"
    cd "$1"
    go mod init examples 2>/dev/null
    go get "$3@v$version"
    go build -o subscriber-program ./subscriber
    go build -o page-program ./page
    "$try" "$command" "$1/subscriber-program"
}

# By the tag. With the checksum of what was fetched, go refuses the clone's proxy if it has another content.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="url.file://$clone.insteadOf" GIT_CONFIG_VALUE_0="$hosted"
outside "$work/by-tag" "$clone" "${hosted#https://}/bindings/go" direct
GOPATH=$work/clone-path GOPROXY=file://$clone/build/release/go-proxy go mod download
unset GIT_CONFIG_COUNT

# By the proxy.
proxy=$release/go-proxy
outside "$work/by-proxy" "$checkout" "$module" "file://$proxy"
# Tests choose the library that has embedded nodes.
mkdir devnet-test
cat >devnet-test/devnet_test.go <<END
package devnet_test

import (
	"testing"

	"$module/devnet"
)

func TestNodesStart(t *testing.T) {
	nodes, err := devnet.Start(t.Context(), devnet.Nodes(2))
	if err != nil {
		t.Fatal(err)
	}
	nodes.Stop()
}
END
go test -tags amop_devnet ./devnet-test
if go test ./devnet-test >without 2>&1; then
    echo "embedded nodes are in the library of programs, too" >&2
    exit 1
fi
cat without
echo "program: $(stat -c %s subscriber-program) bytes, module: $(stat -c %s "$proxy/$module/@v/v$version.zip") bytes"
