package amop

import (
	"context"
	"errors"
	"sync"

	"amop/internal/capi"
)

// defaultConcurrency is how many calls of a handler run at once, unless told otherwise; that of async handlers in other
// languages.
const defaultConcurrency = 64

// Service answers the unicasts of a topic, until it is unsubscribed or closed, or its client is.
type Service struct {
	lane
	handle *capi.Service
	// One of the two has the requests.
	requests chan *Request
	handler  Handler
	// Holds one item for each call of the handler that may run.
	slots   chan struct{}
	running sync.WaitGroup
}

// Handler answers a request: with data, or with an error, which fails it. For a [Failure] the publisher receives its code
// and data. For any other error it receives [ErrSubscriberFailed] with a fixed text: the error itself is logged and emitted
// as [EventHandlerFailed]. An error that is [ErrReplyLater] leaves the answer to [Request.Reply] and [Request.Fail].
//
// A handler that panics has failed in the same way; the service continues. ctx ends when the time that closing gives
// handlers is over.
type Handler func(ctx context.Context, request *Request) ([]byte, error)

// Serve serves a topic: its unicasts go to a handler, whose results are the replies. One service per topic in a client:
// it alone gets the unicasts, while broadcasts go to subscriptions only. Up to [Concurrency] calls of the handler run
// at once, each on a goroutine of its own; requests beyond wait, bounded by [MaxMessages] and [MaxBytes], and further
// publishers are told [ErrSubscriberBusy].
//
// After 4.5 s ([AnswerTimeout]) without an answer the library answers that the service is too slow, so that the node
// doesn't deliver the message to somebody else.
//
// Serve returns when a node lists the topic. ctx bounds that, as in [Client.Publish], and has no meaning after it.
func (c *Client) Serve(ctx context.Context, topic string, handler Handler, opts ...ServeOption) (*Service, error) {
	if handler == nil {
		return nil, newError(ErrInvalidArgument, "the handler is nil")
	}
	return c.serve(ctx, topic, handler, opts)
}

// ServeRequests serves a topic whose requests are read from [Service.Requests], to be answered with [Request.Reply] and
// [Request.Fail]. For the rest it is as [Client.Serve].
func (c *Client) ServeRequests(ctx context.Context, topic string, opts ...ServeOption) (*Service, error) {
	return c.serve(ctx, topic, nil, opts)
}

func (c *Client) serve(ctx context.Context, topic string, handler Handler, opts []ServeOption) (*Service, error) {
	var options laneOptions
	for _, option := range opts {
		option.service(&options)
	}
	if options.concurrency == 0 {
		options.concurrency = defaultConcurrency
	}
	handle, err := enter(ctx, c, topic, &options, func() (*capi.Service, *capi.Error) {
		return c.core.handle.Serve(topic, &options.LaneOptions)
	})
	if err != nil {
		return nil, err
	}
	s := &Service{handle: handle, requests: make(chan *Request), handler: handler}
	s.init(c, topic, handle, handler != nil)
	if handler != nil {
		close(s.requests)
		s.slots = make(chan struct{}, options.concurrency)
	}
	if !c.core.join(s) {
		handle.Free()
		return nil, closedError()
	}
	go s.read()
	return s, nil
}

// Requests is where the requests come out, in order; closed at the end. With a handler it's closed from the start.
func (s *Service) Requests() <-chan *Request {
	return s.requests
}

// Close ends the service: with a handler it is Unsubscribe, with the client's [CloseTimeout]; else what wasn't read is
// answered as dropped, and Requests is closed. A second Close does nothing.
func (s *Service) Close() error {
	if s.handler != nil {
		return s.Unsubscribe(context.Background())
	}
	s.clientEnds()
	<-s.finished
	return nil
}

// clientEnds is what the client's end does first. Requests that nobody has read are answered while that is possible.
func (s *Service) clientEnds() {
	s.unsubscribe()
	if s.handler == nil {
		s.abandon()
	}
}

// abandon answers what wasn't handled yet as dropped, before it returns.
func (s *Service) abandon() {
	s.lane.abandon()
	<-s.emptied
}

// read passes the requests on, until there are no more or they are given up.
func (s *Service) read() {
	for !s.isAbandoned() {
		room := s.acquire()
		if room == 0 {
			break
		}
		requests, failure := s.handle.Take(room)
		if s.handler != nil {
			s.release(room - len(requests))
		}
		if failure != nil {
			break
		}
		for _, request := range requests {
			s.pass(newRequest(s.topic, request))
		}
	}
	s.giveUp()
	if s.handler == nil {
		close(s.requests)
	}
	s.running.Wait()
	s.finish(s)
}

// acquire waits for a slot for a call, takes more where there are, and tells how many; 0 when it was abandoned.
func (s *Service) acquire() int {
	if s.handler == nil {
		return 1
	}
	select {
	case s.slots <- struct{}{}:
	case <-s.abandoned:
		return 0
	}
	for n := 1; n < capi.Batch; n++ {
		select {
		case s.slots <- struct{}{}:
		default:
			return n
		}
	}
	return capi.Batch
}

func (s *Service) release(slots int) {
	for range slots {
		<-s.slots
	}
}

func (s *Service) pass(request *Request) {
	if s.handler != nil {
		s.running.Add(1)
		go s.answer(request)
		return
	}
	request.freeWhenCollected()
	select {
	case s.requests <- request:
	case <-s.abandoned:
		request.inner.Free()
		s.dropped.Add(1)
	}
}

// answer has the handler answer.
func (s *Service) answer(request *Request) {
	var data []byte
	var err error
	reported := false
	// Deferred, since a handler may end the goroutine.
	defer func() {
		if failure := request.settle(data, err); failure != nil && !reported {
			s.handlerFailed(failure.Error())
			tellLog("the handler failed", "topic", s.topic, "error", failure)
		}
		s.release(1)
		s.running.Done()
	}()
	guarded(
		func() { data, err = s.handler(s.ctx, request) },
		func(text string) {
			err = errors.New(text)
			reported = true
			s.handlerFailed(text)
		})
}
