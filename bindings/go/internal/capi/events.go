package capi

// #include "glue.h"
import "C"

// Event is an amop_event, copied.
type Event struct {
	Kind        int32
	Protocol    int
	Endpoint    string
	NodeVersion string
	Topic       string
	Message     string
	NodeID      string
	Key         string
	Expires     int64 // seconds since 1970, or 0
	Failure     *Error
}

// Events is an amop_events, read by one goroutine.
type Events struct {
	*handle[*C.amop_events]
	ready *readiness
}

// Events creates a listener. It does not wait.
func (c *Client) Events() (events *Events, err *Error) {
	failure := c.use(func(client *C.amop_client) *Error {
		events, err = newEvents(func(events **C.amop_events, failure **C.amop_error) C.amop_status {
			return C.amop_client_events(client, events, failure)
		})
		return err
	})
	return events, failure
}

// newEvents returns the listener that create stores.
func newEvents(create func(**C.amop_events, **C.amop_error) C.amop_status) (*Events, *Error) {
	var ptr *C.amop_events
	var failure *C.amop_error
	if err := taken(create(&ptr, &failure), &failure); err != nil {
		return nil, err
	}
	ready, err := watch(func(fd *C.int32_t, failure **C.amop_error) C.amop_status {
		return C.amop_events_fd(ptr, fd, failure)
	})
	if err != nil {
		C.amop_events_free(ptr)
		return nil, err
	}
	return &Events{newHandle(ptr, func(e *C.amop_events) { C.amop_events_free(e) }), ready}, nil
}

// Take waits for an event without occupying a thread. An error means that no more will arrive, or that Interrupt was
// called.
func (e *Events) Take() (*Event, *Error) {
	var item C.amopgo_event
	err := e.ready.await(func() (status C.amop_status) {
		C.amopgo_take_event(e.ptr, &item, &status)
		return status
	})
	if err != nil {
		return nil, err
	}
	defer C.amop_event_free(item.event)
	event := &Event{
		Kind:        int32(item.kind),
		Protocol:    int(item.protocol),
		Endpoint:    text(item.endpoint),
		NodeVersion: text(item.node_version),
		Topic:       text(item.topic),
		Message:     text(item.message),
		NodeID:      text(item.node_id),
		Key:         text(item.key),
		Expires:     int64(item.expires),
	}
	if item.failed {
		event.Failure = flatError(&item.failure)
	}
	return event, nil
}

// Interrupt ends the current and all further calls of Take.
func (e *Events) Interrupt() {
	e.ready.close()
}

// Free frees the listener. The reader calls it last.
func (e *Events) Free() {
	e.ready.close()
	e.release()
}
