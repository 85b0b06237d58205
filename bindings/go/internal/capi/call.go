package capi

// #include "glue.h"
import "C"

import "time"

// Sending is how a message is to be sent.
type Sending struct {
	Broadcast         bool
	WaitForSubscriber bool
	Retry             int32
	AllNodes          bool
	Timeout           time.Duration
}

// Call is an amop_call: it cancels what is under way.
type Call struct {
	ptr *C.amop_call
}

// Cancel doesn't wait; the completion comes as always.
func (c *Call) Cancel() {
	C.amop_call_cancel(c.ptr, nil)
}

// Free frees the handle; the call goes on. Calls that complete are freed by Queue.Free.
func (c *Call) Free() {
	C.amop_call_free(c.ptr)
	live.Add(-1)
}

// Completion is how a call has ended.
type Completion struct {
	Tag      uintptr
	Failure  *Error
	Data     []byte
	Endpoint string
	// Call is set by who knows it, to be freed with the completion.
	Call *Call
}

// Queue is an amop_completion_queue, read by one goroutine.
type Queue struct {
	*handle[*C.amop_completion_queue]
	ready       *readiness
	batch       array[C.amopgo_completion]
	completions []Completion
	endpoints   names
}

// NewQueue makes a queue for up to `most` calls that are under way or whose completions weren't taken.
func NewQueue(most int) (*Queue, *Error) {
	ptr := C.amop_completion_queue_new(C.size_t(most))
	ready, err := watch(func(fd *C.int32_t, failure **C.amop_error) C.amop_status {
		return C.amop_completion_queue_fd(ptr, fd, failure)
	})
	if err != nil {
		C.amop_completion_queue_free(ptr)
		return nil, err
	}
	free := func(q *C.amop_completion_queue) { C.amop_completion_queue_free(q) }
	return &Queue{handle: newHandle(ptr, free), ready: ready, batch: newArray[C.amopgo_completion]()}, nil
}

// Send starts a call, whose completion comes through the queue with this tag; a call that is refused doesn't complete.
func (c *Client) Send(topic string, data []byte, how *Sending, queue *Queue, tag uintptr) (*Call, *Error) {
	kind := C.int32_t(C.AMOPGO_UNICAST)
	if how.Broadcast {
		kind = C.AMOPGO_BROADCAST
	}
	var call *C.amop_call
	err := c.use(func(client *C.amop_client) *Error {
		return queue.use(func(completions *C.amop_completion_queue) *Error {
			var failure *C.amop_error
			return taken(C.amopgo_send(client, kind, cText(topic), pointer(data), C.size_t(len(data)),
				C.bool(how.WaitForSubscriber), C.int32_t(how.Retry), C.bool(how.AllNodes), ms(how.Timeout),
				completions, C.uintptr_t(tag), &call, &failure), &failure)
		})
	})
	if err != nil {
		return nil, err
	}
	live.Add(1)
	return &Call{call}, nil
}

// Take waits, holding no thread, for completions; they are valid until Done. False after Interrupt.
func (q *Queue) Take() ([]Completion, bool) {
	var count C.size_t
	err := q.ready.await(func() (status C.amop_status) {
		count = C.amopgo_take_completions(q.ptr, &q.batch.items[0], Batch, &status)
		return status
	})
	if err != nil {
		return nil, false
	}
	q.completions = q.completions[:0]
	for n := range q.batch.items[:count] {
		item := &q.batch.items[n]
		completion := Completion{Tag: uintptr(item.tag)}
		if item.status == C.AMOP_OK {
			completion.Data = copied(item.data)
			completion.Endpoint = q.endpoints.text(item.endpoint)
		} else {
			completion.Failure = seenError(&item.failure)
		}
		q.completions = append(q.completions, completion)
	}
	return q.completions, true
}

// Done frees what Take gave, with the calls.
func (q *Queue) Done() {
	for n := range q.completions {
		if call := q.completions[n].Call; call != nil {
			q.batch.items[n].call = call.ptr
			live.Add(-1)
		}
	}
	C.amopgo_free_completions(&q.batch.items[0], C.size_t(len(q.completions)))
	clear(q.completions)
}

// Interrupt ends Take, now and later.
func (q *Queue) Interrupt() {
	q.ready.close()
}

// Free is the last thing that the reader does.
func (q *Queue) Free() {
	q.ready.close()
	q.release()
	q.batch.release()
}
