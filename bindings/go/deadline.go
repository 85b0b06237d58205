package amop

import (
	"context"
	"time"
)

// longest is more than the library waits for anything; it refuses longer times.
const longest = 5 * 365 * 24 * time.Hour

// timeLeft is the shorter one of a time that was set (0: none) and what is left to the context's deadline, and whether
// it's the latter; 0 when there is neither, which stands for the client's default.
func timeLeft(ctx context.Context, set time.Duration) (left time.Duration, contextual bool) {
	deadline, has := ctx.Deadline()
	if !has {
		return set, false
	}
	left = time.Until(deadline)
	if set > 0 && set <= left {
		return set, false
	}
	// Not 0, which would be the default.
	return min(max(left, time.Millisecond), longest), true
}
