#!/usr/bin/env bash
# Makes the Go module of a release and builds programs with it from outside, through a module proxy that is a folder:
# build/release/go-proxy. Needs scripts/release-build.sh.
#
# The module of a release has the header and the static library for linux/amd64 in it, so that `go get` and `go build` need
# nothing else. The checkout has neither: there, and on other systems, the library is found by pkg-config or, with the build tag
# amop_static, in the source tree. scripts/release-go-tag.sh makes the commit and the tag of a release from the proxy.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lock.sh
. scripts/release-tools.sh
. scripts/go-toolchain.sh

module=$(sed -n 's/^module //p' bindings/go/go.mod)
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT

# The module: the files of the binding, and the library.
tree=$work/module
mkdir -p "$tree"
git ls-files -z bindings/go | while IFS= read -r -d '' file; do
    install -Dm644 "$file" "$tree/${file#bindings/go/}"
done
capi=$tree/internal/capi
install -Dm644 include/amop.h "$capi/bundled/amop.h"
for kind in library with-devnet; do
    scripts/prelink.sh "target/release-build/$kind/libamop.a" include/amop.h "$capi/bundled/linux_amd64/$kind/libamop.a" strip
done
install -m644 LICENSE "$tree/LICENSE"
scripts/third-party.py amop-capi devnet >"$tree/THIRD-PARTY"
link() { # FILE CONSTRAINT KIND
    cat >"$capi/$1" <<END
//go:build linux && amd64 && $2 && !amop_static && !amop_installed

package capi

// The library of this release: with embedded nodes if the build tag amop_devnet is set. The build tag amop_installed links
// the library that pkg-config finds.

// #cgo CFLAGS: -I\${SRCDIR}/bundled
// #cgo LDFLAGS: \${SRCDIR}/bundled/linux_amd64/$3/libamop.a -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
import "C"
END
}
link link_bundled.go '!amop_devnet' library
link link_bundled_devnet.go amop_devnet with-devnet
sed -i 's|^//go:build !amop_static$|//go:build !amop_static \&\& (amop_installed \|\| !linux \|\| !amd64)|' "$capi/link_installed.go"
grep --quiet amop_installed "$capi/link_installed.go"

# The proxy, as https://go.dev/ref/mod#goproxy-protocol describes it.
proxy=$release/go-proxy
rm -rf "$proxy"
mkdir -p "$proxy/$module/@v"
echo "v$version" >"$proxy/$module/@v/list"
echo "{\"Version\":\"v$version\",\"Time\":\"$(date --utc --date="@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)\"}" >"$proxy/$module/@v/v$version.info"
cp bindings/go/go.mod "$proxy/$module/@v/v$version.mod"
python3 scripts/release-zip.py "$tree" "$module@v$version" "$proxy/$module/@v/v$version.zip"

# From here on, a user who has Go and a C compiler alone, with the example subscriber and the program of the module's page.
outside=$work/outside
mkdir -p "$outside"
cp -r examples/go/program examples/go/subscriber "$outside/"
mkdir "$outside/page"
# shellcheck disable=SC2016 # nothing is to be expanded
sed -n '/^```go$/,/^```$/{/^```/d;p}' bindings/go/README.md >"$outside/page/main.go"
try=$PWD/scripts/release-try.sh
command=$PWD/target/release-build/command/amop
cd "$outside"
unset PKG_CONFIG_PATH LD_LIBRARY_PATH CGO_CFLAGS CGO_LDFLAGS RUSTFLAGS
export GOPATH=$work/gopath GOWORK=off GOFLAGS=-mod=mod GOPROXY=file://$proxy GOSUMDB=off
unset GONOPROXY GOPRIVATE
export GOCACHE=$work/cache
go mod init examples 2>/dev/null
go get "$module@v$version"
go build -o subscriber-program ./subscriber
go build -o page-program ./page
"$try" "$command" "$outside/subscriber-program"
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
