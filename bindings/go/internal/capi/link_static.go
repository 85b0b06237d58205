//go:build amop_static

package capi

// The library of the source tree, as `cargo build --release -p amop-capi` leaves it; a folder named in CGO_LDFLAGS
// (-L...) goes first. The system's libraries are those that Rust's standard library needs.

// #cgo CFLAGS: -I${SRCDIR}/../../../../include
// #cgo LDFLAGS: -L${SRCDIR}/../../../../target/release -l:libamop.a -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
import "C"
