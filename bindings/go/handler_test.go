package amop

import "testing"

// deep calls a function below a number of stack frames.
func deep(frames int, call func()) {
	if frames > 0 {
		deep(frames-1, call)
		return
	}
	call()
}

func TestStackShowsWhetherAHandlerRuns(t *testing.T) {
	if insideHandler() {
		t.Fatal("a handler is detected, but none runs")
	}
	seen := map[int]bool{}
	for _, frames := range []int{0, 1, 60, 64, 65, 1000} {
		guarded(&core{}, func() { deep(frames, func() { seen[frames] = insideHandler() }) }, func(text string) { t.Fatal(text) })
		if !seen[frames] {
			t.Fatalf("not detected below %d frames", frames)
		}
	}
	guarded(&core{}, func() {
		elsewhere := make(chan bool)
		go func() { elsewhere <- insideHandler() }()
		if <-elsewhere {
			t.Error("a goroutine started by a handler is taken for the handler")
		}
	}, func(text string) { t.Fatal(text) })
}
