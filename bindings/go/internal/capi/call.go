package capi

// #include "glue.h"
import "C"

import "time"

// Sending states how a message is sent.
type Sending struct {
	Broadcast         bool
	WaitForSubscriber bool
	Retry             int32
	AllNodes          bool
	Private           bool
	Timeout           time.Duration
}

// Call is an amop_call, which cancels a call in flight. The zero value is none.
type Call struct {
	ptr *C.amop_call
}

// Exists reports whether there is a call.
func (c Call) Exists() bool {
	return c.ptr != nil
}

// Cancel cancels the call. It does not wait; the completion arrives as usual.
func (c Call) Cancel() {
	C.amop_call_cancel(c.ptr, nil)
}

// Free frees the handle; the call continues. Queue.Done frees the handles of completed calls.
func (c Call) Free() {
	C.amop_call_free(c.ptr)
	live.Add(-1)
}

// Completion is the result of a call.
type Completion struct {
	Tag      uintptr
	Failure  *Error
	Data     []byte
	Endpoint string
	// Call is set by the caller to have it freed with the completion.
	Call Call
}

// Queue is an amop_completion_queue, read by one goroutine.
type Queue struct {
	*handle[*C.amop_completion_queue]
	ready       *readiness
	batch       array[C.amopgo_completion]
	completions []Completion
	endpoints   names
}

// NewQueue creates a queue with a capacity of `most` calls that are in flight or whose completions have not been
// read.
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

// Send starts a call. Its completion passes through the queue with this tag; a call that is refused does not
// complete.
func (c *Client) Send(topic string, data []byte, how *Sending, queue *Queue, tag uintptr) (Call, *Error) {
	kind := C.int32_t(C.AMOPGO_UNICAST)
	if how.Broadcast {
		kind = C.AMOPGO_BROADCAST
	}
	if err := c.enter(); err != nil {
		return Call{}, err
	}
	defer c.leave()
	if err := queue.enter(); err != nil {
		return Call{}, err
	}
	defer queue.leave()
	var name shortText
	var call *C.amop_call
	var failure *C.amop_error
	status := C.amopgo_send(c.ptr, kind, name.of(topic), pointer(data), C.size_t(len(data)),
		C.bool(how.WaitForSubscriber), C.int32_t(how.Retry), C.bool(how.AllNodes), C.bool(how.Private), ms(how.Timeout),
		queue.ptr, C.uintptr_t(tag), &call, &failure)
	if status != C.AMOP_OK {
		return Call{}, taken(status, &failure)
	}
	live.Add(1)
	return Call{call}, nil
}

// Take waits for completions without occupying a thread. They are valid until Done. It returns false after Interrupt.
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
			completion.Failure = flatError(&item.failure)
		}
		q.completions = append(q.completions, completion)
	}
	return q.completions, true
}

// Done frees what Take returned, and the calls.
func (q *Queue) Done() {
	for n := range q.completions {
		if call := q.completions[n].Call; call.Exists() {
			q.batch.items[n].call = call.ptr
			live.Add(-1)
		}
	}
	C.amopgo_free_completions(&q.batch.items[0], C.size_t(len(q.completions)))
	clear(q.completions)
}

// Interrupt ends the current and all further calls of Take.
func (q *Queue) Interrupt() {
	q.ready.close()
}

// Free frees the queue. The reader calls it last.
func (q *Queue) Free() {
	q.ready.close()
	q.release()
	q.batch.release()
}
