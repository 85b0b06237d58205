package amop

import (
	"testing"
	"time"
)

func TestDurationsInTextsHaveThreeDigits(t *testing.T) {
	for d, shown := range map[time.Duration]string{
		0:                         "0 us",
		1500:                      "1.5 us",
		999_600:                   "1 ms",
		1_234_567:                 "1.23 ms",
		2_999_990_035:             "3 s",
		4_500 * time.Millisecond:  "4.5 s",
		12_345 * time.Millisecond: "12.3 s",
		100 * time.Second:         "100 s",
		24 * time.Hour:            "86400 s",
	} {
		if got := span(d); got != shown {
			t.Errorf("%v is shown as %q, wanted %q", d, got, shown)
		}
	}
}
