package amop

import (
	"math"
	"sync"

	"amop/internal/capi"
)

// calls are the publishes and broadcasts of a client that are in flight. Their completions pass through one queue,
// which one goroutine reads. The first call creates both.
type calls struct {
	mu      sync.Mutex
	queue   *capi.Queue
	pending map[uintptr]*Call
	last    uintptr
	// closed means that no more calls are accepted.
	closed bool
	// drained is closed when no more calls are accepted and the reader, if there was one, has ended.
	drained chan struct{}
}

func newCalls() *calls {
	return &calls{pending: make(map[uintptr]*Call), drained: make(chan struct{})}
}

// start starts a call, or completes it with an error.
func (c *calls) start(client *capi.Client, call *Call, topic string, data []byte, how *capi.Sending) {
	err := c.begin(call, func(queue *capi.Queue, tag uintptr) (*capi.Call, *capi.Error) {
		return client.Send(topic, data, how, queue, tag)
	})
	if err != nil {
		call.conclude(nil, err)
	}
}

// begin starts what completes through the queue, with a call that it returns, or returns its error.
func (c *calls) begin(call *Call, begin func(*capi.Queue, uintptr) (*capi.Call, *capi.Error)) error {
	queue, tag, err := c.register(call)
	if err != nil {
		return err
	}
	handle, failure := begin(queue, tag)
	if failure != nil {
		c.unregister(tag)
		return fromC(failure)
	}
	call.started(handle)
	return nil
}

// register registers a call that is about to start, under a tag that C returns with the completion.
func (c *calls) register(call *Call) (*capi.Queue, uintptr, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, 0, closedError()
	}
	if c.queue == nil {
		// No limit here, because the library limits the calls in flight.
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

// unregister removes a call that has completed. After the close, removing the last one ends the reader.
func (c *calls) unregister(tag uintptr) *Call {
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

// read completes calls as their completions arrive.
func (c *calls) read(queue *capi.Queue) {
	defer close(c.drained)
	defer queue.Free()
	for {
		completions, more := queue.Take()
		if !more {
			return
		}
		for n := range completions {
			if call := c.unregister(completions[n].Tag); call != nil {
				completions[n].Call = call.completed(&completions[n])
			}
		}
		queue.Done()
	}
}

// close refuses further calls and cancels those in flight.
func (c *calls) close() {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	inFlight := make([]*Call, 0, len(c.pending))
	for _, call := range c.pending {
		inFlight = append(inFlight, call)
	}
	c.interruptIfDrained()
	if first && c.queue == nil {
		close(c.drained)
	}
	c.mu.Unlock()
	for _, call := range inFlight {
		call.end(errClosing, nil)
	}
}
