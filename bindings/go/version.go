package amop

import "example.org/amop/bindings/go/internal/capi"

// Version returns the version of the C library that the program runs with, such as "1.2.3".
func Version() string {
	return capi.Version()
}
