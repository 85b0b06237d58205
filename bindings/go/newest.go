package amop

import "sync"

// The defaults of MaxMessages and MaxBytes, and what a message counts besides its payload, as in the library.
const (
	defaultMaxMessages = 65_536
	defaultMaxBytes    = 64 << 20
	messageOverhead    = 160
)

// newest queues the messages of a subscription that drops its oldest ones and is read from a channel. Messages in the
// buffer of a channel can't be dropped in favour of newer ones, so the channel has no buffer, and the queue is here.
type newest struct {
	maxMessages, maxBytes int

	mu       sync.Mutex
	messages []*Message
	bytes    int
	// losing states that messages were dropped since the queue was last empty.
	losing bool
	// ended states that no more messages will be added.
	ended bool
	// changed contains an item when the first message may have changed.
	changed chan struct{}
}

func newNewest(options *laneOptions) *newest {
	n := &newest{maxMessages: options.MaxMessages, maxBytes: options.MaxBytes, changed: make(chan struct{}, 1)}
	if n.maxMessages == 0 {
		n.maxMessages = defaultMaxMessages
	}
	if n.maxBytes == 0 {
		n.maxBytes = defaultMaxBytes
	}
	return n
}

func (n *newest) signal() {
	select {
	case n.changed <- struct{}{}:
	default:
	}
}

// add queues a message, and drops the oldest ones beyond the limits, but not the new one. It returns how many, and
// whether they are the first since the queue was last empty.
func (n *newest) add(message *Message) (lost uint64, first bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.messages = append(n.messages, message)
	n.bytes += len(message.Data)
	for len(n.messages) > 1 &&
		(len(n.messages) > n.maxMessages || n.bytes+messageOverhead*len(n.messages) > n.maxBytes) {
		n.takeFirst()
		lost++
	}
	if lost > 0 || len(n.messages) == 1 {
		n.signal()
	}
	first = lost > 0 && !n.losing
	n.losing = n.losing || lost > 0
	return lost, first
}

// takeFirst removes the first message, which the array does not keep reachable.
func (n *newest) takeFirst() {
	n.bytes -= len(n.messages[0].Data)
	n.messages[0] = nil
	n.messages = n.messages[1:]
}

// first returns the first message, nil if there is none, and whether there will never be one.
func (n *newest) first() (message *Message, ended bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.messages) == 0 {
		return nil, n.ended
	}
	return n.messages[0], false
}

// remove removes the first message, which was passed on. It reports false if that was dropped meanwhile.
func (n *newest) remove(message *Message) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.messages) == 0 || n.messages[0] != message {
		return false
	}
	n.takeFirst()
	if len(n.messages) == 0 {
		n.losing = false
	}
	return true
}

// end states that no more messages will be added.
func (n *newest) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ended = true
	n.signal()
}

// discard drops all messages and returns how many.
func (n *newest) discard() uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	unread := len(n.messages)
	n.messages, n.bytes = nil, 0
	return uint64(unread)
}

// held returns the number of queued messages and of their bytes.
func (n *newest) held() (messages, bytes uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return uint64(len(n.messages)), uint64(n.bytes)
}

// readNewest passes the newest messages on until no more arrive or the subscription is abandoned.
func (s *Subscription) readNewest() {
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		s.feed()
	}()
	s.pump()
	// Only an unsubscribed subscription ends, and from such a one the library soon returns the end.
	<-fed
	s.dropped.Add(s.newest.discard())
	s.discard()
	close(s.messages)
	s.finish(s)
}

// feed queues messages as they arrive.
func (s *Subscription) feed() {
	defer s.newest.end()
	for {
		messages, failure := s.handle.Take(channelCapacity)
		if failure != nil {
			return
		}
		for n := range messages {
			lost, first := s.newest.add(messageOf(s.topic, &messages[n]))
			s.dropped.Add(lost)
			if first {
				s.owner.core.emit(&Event{Kind: EventSlowConsumer, Topic: s.topic})
			}
		}
	}
}

// pump passes the first message of the queue on, which may change while it waits for the reader.
func (s *Subscription) pump() {
	for {
		message, ended := s.newest.first()
		if ended {
			return
		}
		// A send on a nil channel waits endlessly.
		var messages chan *Message
		if message != nil {
			messages = s.messages
		}
		select {
		case messages <- message:
			if !s.newest.remove(message) {
				// It was counted as dropped just before the reader received it.
				s.dropped.Add(^uint64(0))
			}
		case <-s.newest.changed:
		case <-s.abandoned:
			return
		}
	}
}
