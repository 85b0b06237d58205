package amop

import (
	"math"
	"sync"

	"amop/internal/capi"
)

// calls are a client's publishes and broadcasts under way. Their completions come through one queue, which one
// goroutine reads; both are there from the first call on.
type calls struct {
	mu      sync.Mutex
	queue   *capi.Queue
	pending map[uintptr]*Call
	last    uintptr
	// No more are taken.
	closed bool
	// The reader has ended, or was never there, and no more are taken.
	drained chan struct{}
}

func newCalls() *calls {
	return &calls{pending: make(map[uintptr]*Call), drained: make(chan struct{})}
}

// start starts a call, or concludes it with why it can't.
func (c *calls) start(client *capi.Client, call *Call, topic string, data []byte, how *capi.Sending) {
	queue, tag, err := c.enter(call)
	if err != nil {
		call.conclude(nil, err)
		return
	}
	handle, failure := client.Send(topic, data, how, queue, tag)
	if failure != nil {
		c.leave(tag)
		call.conclude(nil, fromC(failure))
		return
	}
	call.started(handle)
}

// enter notes a call that is about to start, under a tag that C gives back.
func (c *calls) enter(call *Call) (*capi.Queue, uintptr, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, 0, closedError()
	}
	if c.queue == nil {
		// Each connection has a bound of its own on what is in flight.
		queue, failure := capi.NewQueue(math.MaxInt32)
		if failure != nil {
			return nil, 0, fromC(failure)
		}
		c.queue = queue
		go c.read(queue)
	}
	c.last++
	c.pending[c.last] = call
	return c.queue, c.last, nil
}

// leave forgets a call that has ended; the last one after the close ends the reader.
func (c *calls) leave(tag uintptr) *Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	call := c.pending[tag]
	delete(c.pending, tag)
	c.interruptIfDrained()
	return call
}

func (c *calls) interruptIfDrained() {
	if c.closed && len(c.pending) == 0 && c.queue != nil {
		c.queue.Interrupt()
	}
}

// read concludes calls as their completions come.
func (c *calls) read(queue *capi.Queue) {
	defer close(c.drained)
	defer queue.Free()
	for {
		completions, more := queue.Take()
		if !more {
			return
		}
		for n := range completions {
			if call := c.leave(completions[n].Tag); call != nil {
				completions[n].Call = call.completed(&completions[n])
			}
		}
		queue.Done()
	}
}

// close takes no more calls and asks those under way to end.
func (c *calls) close() {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	under := make([]*Call, 0, len(c.pending))
	for _, call := range c.pending {
		under = append(under, call)
	}
	c.interruptIfDrained()
	if first && c.queue == nil {
		close(c.drained)
	}
	c.mu.Unlock()
	for _, call := range under {
		call.end(errClosing, nil)
	}
}
