package amop

import "time"

type retryOption RetryPolicy

func (o retryOption) client(options *clientOptions)   { options.Retry = int32(o) }
func (o retryOption) publish(options *publishOptions) { options.Retry = int32(o) }

// Retry sets when failed calls are retried automatically. On a publish or broadcast it overrides the option of the
// client.
func Retry(policy RetryPolicy) RetryOption {
	return retryOption(policy)
}

type laneOption func(*laneOptions)

func (o laneOption) subscription(options *laneOptions) { o(options) }
func (o laneOption) service(options *laneOptions)      { o(options) }

// MaxMessages sets the maximum number of queued messages or requests. Default: 65,536. In addition, up to 64 messages
// may be in the channel of a subscription or on their way to it, unless it drops its oldest messages.
func MaxMessages(messages int) LaneOption {
	return laneOption(func(o *laneOptions) { o.MaxMessages = o.bound("MaxMessages", messages) })
}

// MaxBytes sets the maximum number of queued bytes, counting 160 bytes per message besides its payload. An empty
// subscription accepts one message of any size. Default: 64 MiB.
func MaxBytes(bytes int) LaneOption {
	return laneOption(func(o *laneOptions) { o.MaxBytes = o.bound("MaxBytes", bytes) })
}

// Placement sets at how many nodes the topic is listed.
func Placement(policy PlacementPolicy) LaneOption {
	return laneOption(func(o *laneOptions) { o.Placement = int32(policy) })
}

// Confirm sets whether to wait until a node has listed the topic. Default: [ConfirmAuto].
func Confirm(policy ConfirmPolicy) LaneOption {
	return laneOption(func(o *laneOptions) { o.Confirm = int32(policy) })
}

// Key sets the private key with which the client proves that it may receive the messages of a private topic, whose publisher
// allows the public half (see [Client.PrivateTopic]): PEM of PKCS#8 or SEC1, PKCS#12, or 64 hex digits. It must not be the
// key of the client's certificate. The call then also fails with [ErrKeyEncrypted] or [ErrCredentialsInvalid], and with
// [ErrUnsupported] at nodes of generation 3.x.
func Key(key []byte) LaneOption {
	return laneOption(func(o *laneOptions) {
		if len(key) == 0 {
			// Without a key the call would be one for the public topic of the same name.
			o.fail(ErrCredentialsInvalid, "the key is empty")
		}
		o.Key = key
	})
}

// KeyPassword sets the password of an encrypted [Key].
func KeyPassword(password string) LaneOption {
	return laneOption(func(o *laneOptions) {
		o.text(ErrInvalidArgument, "the password", password)
		o.KeyPassword = password
	})
}

type subscribeOption func(*laneOptions)

func (o subscribeOption) subscription(options *laneOptions) { o(options) }

// Overflow sets what happens at the limits of MaxMessages and MaxBytes. Lost messages are counted, and reported once
// by [EventSlowConsumer]. With [OverflowDropOldest] a reader that is too slow receives the newest messages: their channel
// has no buffer.
func Overflow(policy OverflowPolicy) SubscribeOption {
	return subscribeOption(func(o *laneOptions) { o.Overflow = int32(policy) })
}

type serveOption func(*laneOptions)

func (o serveOption) service(options *laneOptions) { o(options) }

// Concurrency sets how many calls of a service's handler run at once. Default: 64. With 1 they run one after the
// other, in the order of the requests.
func Concurrency(calls int) ServeOption {
	return serveOption(func(o *laneOptions) { o.concurrency = o.bound("Concurrency", calls) })
}

type publishOption func(*publishOptions)

func (o publishOption) publish(options *publishOptions) { o(options) }

// WaitForSubscriber sets whether a publish that was not delivered is retried until its deadline, for example because
// no node knows a subscriber yet, and whether a broadcast is sent only when a node knows one. It takes up to 5 s until
// all nodes know a new subscriber. Default: false.
func WaitForSubscriber(wait bool) PublishOption {
	return publishOption(func(o *publishOptions) { o.WaitForSubscriber = wait })
}

// Private sets whether the topic is a private one, which [Client.PrivateTopic] has opened: the message is passed on to
// verified subscribers only. The methods of a [PrivateTopic] need no option. Default: false.
func Private(private bool) PublishOption {
	return publishOption(func(o *publishOptions) { o.Private = private })
}

// AllNodes sets whether a broadcast is sent to every connected node, rather than to as many as reach all subscribers.
// Subscribers that use this library discard the duplicates, others receive them. Default: false.
func AllNodes(all bool) PublishOption {
	return publishOption(func(o *publishOptions) { o.AllNodes = all })
}

type timeoutOption time.Duration

func (t timeoutOption) subscription(o *laneOptions) {
	o.Timeout = o.duration("Timeout", time.Duration(t))
}
func (t timeoutOption) service(o *laneOptions) { o.Timeout = o.duration("Timeout", time.Duration(t)) }
func (t timeoutOption) publish(o *publishOptions) {
	o.Timeout = o.duration("Timeout", time.Duration(t))
}

// Timeout sets the time limit of the call. An earlier deadline of the context takes precedence. Without either, the
// client's CallTimeout applies.
func Timeout(timeout time.Duration) CallOption {
	return timeoutOption(timeout)
}
