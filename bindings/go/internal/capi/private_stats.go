package capi

// #include "glue.h"
import "C"

// PrivateTopicStats are the statistics of one private topic.
type PrivateTopicStats struct {
	Topic, Key                          string
	ChallengesSigned, ChallengesRefused uint64
	Allowed                             []string
	Verifications                       []VerificationStats
}

// VerificationStats are the statistics of one verification.
type VerificationStats struct {
	Endpoint, NodeID, Key, Reason string
	State                         int
}

// privateTopics reads the private topics of a snapshot.
func privateTopics(stats *C.amop_stats) []PrivateTopicStats {
	topics := make([]PrivateTopicStats, C.amop_stats_private_topic_count(stats))
	for n := range topics {
		topic, index := &topics[n], C.size_t(n)
		topic.Topic = text(C.amop_stats_private_topic(stats, index))
		topic.Key = text(C.amop_stats_private_topic_key(stats, index))
		topic.ChallengesSigned = uint64(C.amop_stats_private_topic_challenges_signed(stats, index))
		topic.ChallengesRefused = uint64(C.amop_stats_private_topic_challenges_refused(stats, index))
		topic.Allowed = make([]string, C.amop_stats_private_topic_allowed_count(stats, index))
		for key := range topic.Allowed {
			topic.Allowed[key] = text(C.amop_stats_private_topic_allowed(stats, index, C.size_t(key)))
		}
		topic.Verifications = make([]VerificationStats, C.amop_stats_verification_count(stats, index))
		for m := range topic.Verifications {
			of := C.size_t(m)
			topic.Verifications[m] = VerificationStats{
				Endpoint: text(C.amop_stats_verification_endpoint(stats, index, of)),
				NodeID:   text(C.amop_stats_verification_node_id(stats, index, of)),
				State:    int(C.amop_stats_verification_state(stats, index, of)),
				Key:      text(C.amop_stats_verification_key(stats, index, of)),
				Reason:   text(C.amop_stats_verification_reason(stats, index, of)),
			}
		}
	}
	return topics
}
