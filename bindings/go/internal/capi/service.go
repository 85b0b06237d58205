package capi

// #include "glue.h"
import "C"

import "sync"

// Service is an amop_service, read by one goroutine.
type Service struct {
	*handle[*C.amop_service]
	ready     *readiness
	batch     array[C.amopgo_message]
	requests  []*Request
	endpoints names
}

// Serve begins to serve. It does not wait. The call, whose completion passes through the queue with this tag, ends
// when the service is confirmed; if it fails or is cancelled, no more items arrive.
func (c *Client) Serve(topic string, options *LaneOptions, queue *Queue, tag uintptr) (*Service, Call, *Error) {
	built, err := options.ofService()
	if err != nil {
		return nil, Call{}, err
	}
	defer C.amop_serve_options_free(built)
	var ptr *C.amop_service
	var call *C.amop_call
	err = c.use(func(client *C.amop_client) *Error {
		return queue.use(func(completions *C.amop_completion_queue) *Error {
			var failure *C.amop_error
			return taken(C.amopgo_serve(client, cText(topic), built, completions, C.uintptr_t(tag), &ptr, &call,
				&failure), &failure)
		})
	})
	if err != nil {
		return nil, Call{}, err
	}
	ready, err := watch(func(fd *C.int32_t, failure **C.amop_error) C.amop_status {
		return C.amop_service_fd(ptr, fd, failure)
	})
	if err != nil {
		C.amop_call_free(call)
		C.amop_service_free(ptr)
		return nil, Call{}, err
	}
	free := func(s *C.amop_service) { C.amop_service_free(s) }
	live.Add(1)
	return &Service{handle: newHandle(ptr, free), ready: ready, batch: newArray[C.amopgo_message]()}, Call{call}, nil
}

// Take waits for up to `most` requests without occupying a thread. Each has to be answered or freed. An error means
// that no more will arrive.
func (s *Service) Take(most int) ([]*Request, *Error) {
	// Clear the batch, so that the wait does not keep earlier requests reachable.
	clear(s.requests)
	s.requests = s.requests[:0]
	var count C.size_t
	err := s.ready.await(func() (status C.amop_status) {
		count = C.amopgo_take_requests(s.ptr, &s.batch.items[0], C.size_t(most), &status)
		return status
	})
	if err != nil {
		return nil, err
	}
	for n := range s.batch.items[:count] {
		item := &s.batch.items[n]
		live.Add(1)
		s.requests = append(s.requests, &Request{Message: seenMessage(item, &s.endpoints), ptr: item.request})
	}
	return s.requests, nil
}

// Unsubscribe ends the service. It does not wait. Queued requests can still be taken and answered.
func (s *Service) Unsubscribe() *Error {
	return s.use(func(ptr *C.amop_service) *Error {
		var failure *C.amop_error
		return taken(C.amop_service_unsubscribe(ptr, 0, &failure), &failure)
	})
}

// Stats returns the current statistics. It does not wait.
func (s *Service) Stats() (LaneStats, *Error) {
	var stats *C.amop_stats
	err := s.use(func(ptr *C.amop_service) *Error {
		var failure *C.amop_error
		return taken(C.amop_service_stats(ptr, &stats, &failure), &failure)
	})
	return laneStats(stats), err
}

// Free frees the service. The reader calls it last; requests that were not taken are answered as dropped.
func (s *Service) Free() {
	s.ready.close()
	s.release()
	s.batch.release()
}

// Request is an amop_request, with a copy of its message.
type Request struct {
	Message
	mu  sync.Mutex
	ptr *C.amop_request
	// result is the error of further answers, after one that succeeded or was too late.
	result *Error
}

// Answer replies, or fails if the code is not 0. It does not wait.
func (r *Request) Answer(code int32, data []byte) *Error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.result != nil {
		return r.result
	}
	var failure *C.amop_error
	err := taken(C.amopgo_answer(r.ptr, C.int32_t(code), pointer(data), C.size_t(len(data)), &failure), &failure)
	switch {
	case err == nil:
		r.forget(&Error{Code: C.AMOP_ERROR_ALREADY_ANSWERED, Message: "the request has already been answered"})
	case err.Code == C.AMOP_ERROR_REQUEST_EXPIRED || err.Code == C.AMOP_ERROR_ALREADY_ANSWERED:
		C.amop_request_free(r.ptr)
		r.forget(err)
	}
	return err
}

// IsOpen reports whether the request can still be answered.
func (r *Request) IsOpen() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.result == nil && bool(C.amop_request_is_open(r.ptr))
}

// Free drops a request that was not answered, which the publisher receives as a failure. After an answer it does
// nothing.
func (r *Request) Free() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.result == nil {
		C.amop_request_free(r.ptr)
		r.forget(&Error{Code: C.AMOP_ERROR_REQUEST_EXPIRED, Message: "the request was dropped"})
	}
}

// forget records that the handle is freed, and the error of further answers.
func (r *Request) forget(result *Error) {
	r.ptr, r.result = nil, result
	live.Add(-1)
}
