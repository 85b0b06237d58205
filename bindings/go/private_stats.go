package amop

import "example.org/amop/bindings/go/internal/capi"

// VerificationState is where a verification stands.
type VerificationState int

// The states.
const (
	// VerificationPending means that the first one is under way.
	VerificationPending VerificationState = iota + 1
	// VerificationVerified means that the node passes messages on.
	VerificationVerified
	// VerificationRejected means that the subscriber was not verified the last time, so that the node passes no messages on.
	VerificationRejected
)

// String returns the state in words.
func (s VerificationState) String() string {
	switch s {
	case VerificationPending:
		return "pending"
	case VerificationVerified:
		return "verified"
	case VerificationRejected:
		return "rejected"
	}
	return "unknown state"
}

// PrivateTopicStats are the statistics of a private topic: where it stands.
type PrivateTopicStats struct {
	// Topic is the name of the topic.
	Topic string
	// Key is the public half of the key with which this client proves that it may receive messages, as 130 hex digits; empty
	// if it neither subscribes nor serves.
	Key string
	// ChallengesSigned counts challenges that this client has signed.
	ChallengesSigned uint64
	// ChallengesRefused counts messages that arrived as challenges and were not signed, because they are none or too many
	// came at once. They get no answer, so that the node asks again.
	ChallengesRefused uint64
	// Allowed has the keys that this client allows, if it publishes, as 130 hex digits.
	Allowed []string
	// Verifications has the nodes between which a verification took place. Those that were verified for an earlier publisher
	// do not ask again, and are not among them.
	Verifications []VerificationStats
}

// VerificationStats are where the verification of the subscribers at one node stands, for messages through another one.
type VerificationStats struct {
	// Endpoint is the endpoint that passes messages on.
	Endpoint string
	// NodeID is the id of the subscribers' node.
	NodeID string
	// State is where it stands.
	State VerificationState
	// Key is the key that the subscriber has signed with, as 130 hex digits; empty if it has not signed, or the key cannot be
	// known.
	Key string
	// Reason is why the subscriber was rejected; empty otherwise.
	Reason string
}

func privateTopicStats(s *capi.PrivateTopicStats) PrivateTopicStats {
	stats := PrivateTopicStats{
		Topic:             s.Topic,
		Key:               s.Key,
		ChallengesSigned:  s.ChallengesSigned,
		ChallengesRefused: s.ChallengesRefused,
		Allowed:           s.Allowed,
	}
	for _, seen := range s.Verifications {
		stats.Verifications = append(stats.Verifications, VerificationStats{
			Endpoint: seen.Endpoint,
			NodeID:   seen.NodeID,
			State:    VerificationState(seen.State),
			Key:      seen.Key,
			Reason:   seen.Reason,
		})
	}
	return stats
}
