package amop

import (
	"math"
	"slices"
	"sync"

	"example.org/amop/bindings/go/internal/capi"
)

// calls are the publishes and broadcasts of a client that are in flight. Their completions pass through one queue,
// which one goroutine reads. The first call creates both.
type calls struct {
	mu    sync.Mutex
	queue *capi.Queue
	// pending has the calls in flight; the tag of a call is its index. The others are free.
	pending []*Call
	free    []uintptr
	// spare are calls of goroutines that wait, to be used again.
	spare sync.Pool
	// closed means that no more calls are accepted.
	closed bool
	// drained is closed when no more calls are accepted and the reader, if there was one, has ended.
	drained chan struct{}
}

func newCalls() *calls {
	return &calls{drained: make(chan struct{})}
}

// borrow returns a call that no goroutine but the caller sees, and that the caller gives back.
func (c *calls) borrow(client *Client) *Call {
	call, _ := c.spare.Get().(*Call)
	if call == nil {
		call = &Call{awaited: answered, borrowed: true, done: make(chan struct{}, 1)}
	}
	call.client = client
	return call
}

// giveBack takes back a call that has completed and whose result was read.
func (c *calls) giveBack(call *Call) {
	call.reset()
	c.spare.Put(call)
}

// start starts a call, or completes it with an error.
func (c *calls) start(client *capi.Client, call *Call, topic string, data []byte, how *capi.Sending) {
	err := c.begin(call, func(queue *capi.Queue, tag uintptr) (capi.Call, *capi.Error) {
		return client.Send(topic, data, how, queue, tag)
	})
	if err != nil {
		call.conclude(nil, err)
	}
}

// begin starts what completes through the queue, with a call that it returns, or returns its error.
func (c *calls) begin(call *Call, begin func(*capi.Queue, uintptr) (capi.Call, *capi.Error)) error {
	queue, tag, err := c.register(call)
	if err != nil {
		return err
	}
	handle, failure := begin(queue, tag)
	if failure != nil {
		c.mu.Lock()
		c.unregister(tag)
		c.mu.Unlock()
		return call.refused(failure)
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
	var tag uintptr
	if last := len(c.free) - 1; last >= 0 {
		tag, c.free = c.free[last], c.free[:last]
		c.pending[tag] = call
	} else {
		tag = uintptr(len(c.pending))
		c.pending = append(c.pending, call)
	}
	return c.queue, tag, nil
}

// unregister removes a call that has completed. After the close, removing the last one ends the reader.
func (c *calls) unregister(tag uintptr) *Call {
	call := c.pending[tag]
	c.pending[tag] = nil
	c.free = append(c.free, tag)
	c.interruptIfDrained()
	return call
}

func (c *calls) interruptIfDrained() {
	if c.closed && len(c.free) == len(c.pending) && c.queue != nil {
		c.queue.Interrupt()
	}
}

// read completes calls as their completions arrive.
func (c *calls) read(queue *capi.Queue) {
	defer close(c.drained)
	defer queue.Free()
	var completed [capi.Batch]*Call
	for {
		completions, more := queue.Take()
		if !more {
			return
		}
		c.mu.Lock()
		for n := range completions {
			completed[n] = c.unregister(completions[n].Tag)
		}
		c.mu.Unlock()
		for n := range completions {
			completions[n].Call = completed[n].completed(&completions[n])
			completed[n] = nil
		}
		queue.Done()
	}
}

// close refuses further calls and cancels those in flight.
func (c *calls) close() {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	inFlight := slices.DeleteFunc(slices.Clone(c.pending), func(call *Call) bool { return call == nil })
	c.interruptIfDrained()
	if first && c.queue == nil {
		close(c.drained)
	}
	c.mu.Unlock()
	for _, call := range inFlight {
		call.end(errClosing, nil)
	}
}
