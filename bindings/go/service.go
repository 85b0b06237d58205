package amop

import (
	"context"
	"sync"

	"example.org/amop/bindings/go/internal/capi"
)

// defaultConcurrency is the default of [Concurrency], as for async handlers in other languages.
const defaultConcurrency = 64

// Service answers the unicasts of a topic until it is unsubscribed or closed, or its client is closed.
type Service struct {
	lane
	handle *capi.Service
	// Requests are passed to one of the two.
	requests chan *Request
	handler  Handler
	// slots contains one item for each call of the handler that may run.
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

// Serve serves a topic. Requests are read from [Service.Requests] and answered with [Request.Reply] and
// [Request.Fail]. A client can have one service per topic. It receives the unicasts alone; broadcasts are delivered
// to subscriptions only. Requests that were not read wait, limited by [MaxMessages] and [MaxBytes]; beyond that
// publishers receive [ErrSubscriberBusy].
//
// If a request has no answer after 4.5 s, at 3.x nodes 29.5 s ([AnswerTimeout]), the library answers TOO_SLOW, so that the node does not
// deliver the message to another subscriber.
//
// Serve returns when a node has listed the topic, or at once if no node is connected; see [Confirm]. ctx limits that time, as in [Client.Publish], and does not affect
// the service afterwards.
func (c *Client) Serve(ctx context.Context, topic string, opts ...ServeOption) (*Service, error) {
	return c.serve(ctx, topic, nil, opts)
}

// ServeFunc serves a topic: its unicasts are passed to a handler, whose results are the replies. Up to [Concurrency]
// calls of the handler run at once, each on a goroutine of its own. The handler may be called before ServeFunc
// returns.
//
// See [Client.Serve] for everything else.
func (c *Client) ServeFunc(ctx context.Context, topic string, handler Handler, opts ...ServeOption) (*Service, error) {
	if handler == nil {
		return nil, newError(ErrInvalidArgument, "the handler is nil")
	}
	return c.serve(ctx, topic, handler, opts)
}

func (c *Client) serve(ctx context.Context, topic string, handler Handler, opts []ServeOption) (*Service, error) {
	var options laneOptions
	for _, option := range opts {
		option.service(&options)
	}
	if options.concurrency == 0 {
		options.concurrency = defaultConcurrency
	}
	serve := func(queue *capi.Queue, tag uintptr) (*capi.Service, capi.Call, *capi.Error) {
		return c.core.handle.Serve(topic, &options.LaneOptions, queue, tag)
	}
	handle, confirmed, err := beginSource(ctx, c, topic, &options, serve)
	if err != nil {
		return nil, err
	}
	s := &Service{handle: handle, requests: make(chan *Request), handler: handler}
	s.init(c, topic, handle, handler != nil)
	if handler != nil {
		close(s.requests)
		s.slots = make(chan struct{}, options.concurrency)
	}
	if !c.core.addMember(s) {
		handle.Free()
		return nil, closedError()
	}
	go s.read()
	if err := s.confirm(ctx, confirmed, s); err != nil {
		return nil, err
	}
	return s, nil
}

// Requests returns the channel of the requests, in order. It is closed at the end, or from the start if the service
// has a handler.
func (s *Service) Requests() <-chan *Request {
	return s.requests
}

// Close ends the service. With a handler it is Unsubscribe with the client's [CloseTimeout]; otherwise requests that
// were not read are answered as dropped, and Requests is closed. A second Close does nothing.
func (s *Service) Close() error {
	if s.handler != nil {
		return s.Unsubscribe(context.Background())
	}
	s.clientClosing()
	<-s.finished
	return nil
}

// clientClosing answers requests that were not read while that is still possible.
func (s *Service) clientClosing() {
	s.unsubscribe()
	if s.handler == nil {
		s.abandon()
	}
}

// abandon answers requests that were not handled as dropped, before it returns.
func (s *Service) abandon() {
	s.lane.abandon()
	<-s.emptied
}

// read passes requests on until no more arrive or the service is abandoned.
func (s *Service) read() {
	for !s.isAbandoned() {
		slots := s.acquire()
		if slots == 0 {
			break
		}
		requests, failure := s.handle.Take(slots)
		if s.handler != nil {
			s.release(slots - len(requests))
		}
		if failure != nil {
			break
		}
		for _, request := range requests {
			s.pass(newRequest(s.topic, request))
		}
	}
	s.discard()
	if s.handler == nil {
		close(s.requests)
	}
	s.running.Wait()
	s.finish(s)
}

// acquire waits for a slot for a call, takes further slots if they are free, and returns their number; 0 if the
// service was abandoned.
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

// answer calls the handler and answers the request.
func (s *Service) answer(request *Request) {
	var results outcome
	reported := false
	// Deferred, since a handler may end the goroutine.
	defer func() {
		if text := request.settle(results); text != "" && !reported {
			s.handlerFailed(text)
			s.owner.core.logError("the handler failed", "topic", s.topic, "error", text)
		}
		s.release(1)
		s.running.Done()
	}()
	guarded(
		s.owner.core,
		func() { results = outcomeOf(s.handler(s.ctx, request)) },
		func(text string) {
			results = outcome{text: text}
			reported = true
			s.handlerFailed(text)
		})
}
