//go:build !amop_static

package capi

// #cgo pkg-config: amop
import "C"
