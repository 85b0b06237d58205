package amop

import (
	"context"
	"errors"
	"testing"
	"time"

	"example.org/amop/bindings/go/internal/capi"
)

func TestCallRefusedAtItsDeadlineHasTheErrorsOfItsContext(t *testing.T) {
	because := errors.New("the user waits no longer")
	ctx, cancel := context.WithDeadlineCause(context.Background(), time.Unix(0, 0), because)
	defer cancel()
	late := &Call{ctx: ctx}
	for code, ended := range map[Code]bool{
		ErrTimeout: true, ErrNotConnected: true, ErrNoSubscriber: true, ErrInvalidTopic: false, ErrClosed: false,
	} {
		err := late.refused(&capi.Error{Code: int32(code)})
		if !errors.Is(err, code) || errors.Is(err, context.DeadlineExceeded) != ended || errors.Is(err, because) != ended {
			t.Errorf("%v: %#v", code, err)
		}
	}
	if err := (&Call{}).refused(&capi.Error{Code: int32(ErrTimeout)}); errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("there is no context: %#v", err)
	}
}
