package amop

import (
	"strconv"
	"strings"
	"time"
)

// span shows a duration in texts as the library does: with at most three digits and a fitting unit, such as "850 us",
// "1.23 ms" or "4.5 s".
func span(d time.Duration) string {
	value, unit := d.Seconds(), "s"
	// The limits are those above which the next unit begins after rounding.
	switch {
	case value < 999.5e-6:
		value, unit = value*1e6, "us"
	case value < 999.5e-3:
		value, unit = value*1e3, "ms"
	}
	decimals := 0
	switch {
	case value < 9.995:
		decimals = 2
	case value < 99.95:
		decimals = 1
	}
	digits := strconv.FormatFloat(value, 'f', decimals, 64)
	if decimals > 0 {
		digits = strings.TrimSuffix(strings.TrimRight(digits, "0"), ".")
	}
	return digits + " " + unit
}
