//go:build !cgo

package capi

// This package needs cgo. The name of the undefined variable is the message of the compiler.
var _ = amop_needs_cgo__set_CGO_ENABLED_to_1_and_install_a_C_compiler
