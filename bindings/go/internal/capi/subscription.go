package capi

// #include "glue.h"
import "C"

// Message is an amop_message, copied.
type Message struct {
	Kind int32
	// ReceivedAt is in milliseconds since 1970 UTC.
	ReceivedAt int64
	Data       []byte
	Seq        string
	Endpoint   string
}

func seenMessage(item *C.amopgo_message, endpoints *names) Message {
	return Message{
		Kind:       int32(item.kind),
		ReceivedAt: int64(item.received_at),
		Data:       copied(item.data),
		Seq:        string(view(item.seq)),
		Endpoint:   endpoints.text(item.endpoint),
	}
}

// Subscription is an amop_subscription, read by one goroutine.
type Subscription struct {
	*handle[*C.amop_subscription]
	ready     *readiness
	batch     array[C.amopgo_message]
	messages  []Message
	endpoints names
}

// Subscribe begins to subscribe. It does not wait. The call, whose completion passes through the queue with this tag, ends
// when the subscription is confirmed; if it fails or is cancelled, no more items arrive.
func (c *Client) Subscribe(topic string, options *LaneOptions, queue *Queue, tag uintptr) (*Subscription, Call, *Error) {
	built, err := options.ofSubscription()
	if err != nil {
		return nil, Call{}, err
	}
	defer C.amop_subscribe_options_free(built)
	var ptr *C.amop_subscription
	var call *C.amop_call
	err = c.use(func(client *C.amop_client) *Error {
		return queue.use(func(completions *C.amop_completion_queue) *Error {
			var failure *C.amop_error
			return taken(C.amopgo_subscribe(client, cText(topic), built, completions, C.uintptr_t(tag), &ptr, &call,
				&failure), &failure)
		})
	})
	if err != nil {
		return nil, Call{}, err
	}
	ready, err := watch(func(fd *C.int32_t, failure **C.amop_error) C.amop_status {
		return C.amop_subscription_fd(ptr, fd, failure)
	})
	if err != nil {
		C.amop_call_free(call)
		C.amop_subscription_free(ptr)
		return nil, Call{}, err
	}
	free := func(s *C.amop_subscription) { C.amop_subscription_free(s) }
	live.Add(1)
	return &Subscription{handle: newHandle(ptr, free), ready: ready, batch: newArray[C.amopgo_message]()}, Call{call}, nil
}

// Take waits for up to `most` messages without occupying a thread. They are valid until the next Take. An error means
// that no more will arrive.
func (s *Subscription) Take(most int) ([]Message, *Error) {
	// Clear the batch, so that the wait does not keep earlier messages reachable.
	clear(s.messages)
	s.messages = s.messages[:0]
	var count C.size_t
	err := s.ready.await(func() (status C.amop_status) {
		count = C.amopgo_take_messages(s.ptr, &s.batch.items[0], C.size_t(most), &status)
		return status
	})
	if err != nil {
		return nil, err
	}
	for n := range s.batch.items[:count] {
		s.messages = append(s.messages, seenMessage(&s.batch.items[n], &s.endpoints))
	}
	C.amopgo_free_messages(&s.batch.items[0], count)
	return s.messages, nil
}

// Unsubscribe ends the subscription. It does not wait. Queued messages can still be taken.
func (s *Subscription) Unsubscribe() *Error {
	return s.use(func(ptr *C.amop_subscription) *Error {
		var failure *C.amop_error
		return taken(C.amop_subscription_unsubscribe(ptr, 0, &failure), &failure)
	})
}

// Stats returns the current statistics. It does not wait.
func (s *Subscription) Stats() (LaneStats, *Error) {
	var stats *C.amop_stats
	err := s.use(func(ptr *C.amop_subscription) *Error {
		var failure *C.amop_error
		return taken(C.amop_subscription_stats(ptr, &stats, &failure), &failure)
	})
	return laneStats(stats), err
}

// Free frees the subscription. The reader calls it last.
func (s *Subscription) Free() {
	s.ready.close()
	s.release()
	s.batch.release()
}
