package amop

import (
	"context"
	"time"
)

// longest is longer than any useful time, and shorter than what the library rejects.
const longest = 5 * 365 * 24 * time.Hour

// timeLeft returns the shorter one of a timeout (0: none) and the time until the deadline of ctx, and whether it is
// the latter. It returns 0 if there is neither, which stands for the client's default.
func timeLeft(ctx context.Context, set time.Duration) (left time.Duration, contextual bool) {
	deadline, has := ctx.Deadline()
	if !has {
		return set, false
	}
	left = time.Until(deadline)
	if set > 0 && set <= left {
		return set, false
	}
	// At least a millisecond, because 0 would be the default.
	return min(max(left, time.Millisecond), longest), true
}
