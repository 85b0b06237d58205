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

// expiry is how long the errors of a context are awaited whose deadline the library has noticed first. They come within
// milliseconds, or a little later on a busy machine: this is the limit for contexts that never report their deadline.
const expiry = time.Second

// atDeadline adds the errors of ctx to the error of a call that its deadline has ended, whatever the code.
func atDeadline(ctx context.Context, e *Error) {
	// The library counts milliseconds, so it may notice the deadline a little earlier than the context.
	if deadline, has := ctx.Deadline(); !has || time.Until(deadline) > time.Millisecond {
		return
	}
	timer := time.NewTimer(expiry)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	e.causes = append(e.causes, context.DeadlineExceeded)
	if cause := context.Cause(ctx); cause != nil && cause != context.DeadlineExceeded {
		e.causes = append(e.causes, cause)
	}
}
