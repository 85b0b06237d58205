//! Statistics of private topics. Where each private topic of a client stands: the keys of both sides, and the verification of
//! subscribers. The snapshot of a client has them, ordered by topic.
//!
//! Unless a function states otherwise:
//!
//! - Ownership: pointers returned are valid until the snapshot is freed. They are NULL, and numbers are 0, for an invalid
//!   index and for NULL.

use std::ffi::{CStr, c_char};

use amop::VerificationState;

use super::amop_stats;
use crate::argument::{name_of, pointer};
use crate::macros::{borrow_optional, named};
use crate::unwind::guard_read;

/// Where a verification stands.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum amop_verification_state {
    /// There is no such verification in the snapshot.
    AMOP_VERIFICATION_NONE = 0,
    /// The first one is under way.
    AMOP_VERIFICATION_PENDING = 1,
    /// The node passes messages on.
    AMOP_VERIFICATION_VERIFIED = 2,
    /// The subscriber was not verified the last time, so that the node passes no messages on.
    AMOP_VERIFICATION_REJECTED = 3,
}

impl From<amop_verification_state> for i32 {
    fn from(variant: amop_verification_state) -> i32 {
        variant as i32
    }
}

impl From<VerificationState> for amop_verification_state {
    fn from(state: VerificationState) -> amop_verification_state {
        match state {
            VerificationState::Verified => AMOP_VERIFICATION_VERIFIED,
            VerificationState::Rejected => AMOP_VERIFICATION_REJECTED,
            _ => AMOP_VERIFICATION_PENDING,
        }
    }
}

use amop_verification_state::*;

/// Every state, with its name.
const STATES: [(amop_verification_state, &CStr); 4] = named!(amop_verification_state {
    AMOP_VERIFICATION_NONE,
    AMOP_VERIFICATION_PENDING,
    AMOP_VERIFICATION_VERIFIED,
    AMOP_VERIFICATION_REJECTED,
});

/// Returns a private topic of a snapshot, `None` for an invalid index and for NULL.
macro_rules! topic {
    ($stats:ident, $index:ident) => {
        borrow_optional!($stats).and_then(|stats| stats.private_topics.get($index))
    };
}

/// Returns a verification of a snapshot, `None` for an invalid index and for NULL.
macro_rules! verification {
    ($stats:ident, $index:ident, $verification:ident) => {
        topic!($stats, $index).and_then(|topic| topic.verifications.get($verification))
    };
}

/// Returns the number of private topics that the client subscribes to, serves or publishes on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_private_topic_count(stats: *const amop_stats) -> usize {
    guard_read!(0, { borrow_optional!(stats).map_or(0, |stats| stats.private_topics.len()) })
}

/// Returns the name of a private topic.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_private_topic(stats: *const amop_stats, index: usize) -> *const c_char {
    guard_read!(std::ptr::null(), { pointer(topic!(stats, index).map(|topic| &topic.topic)) })
}

/// Returns the public half of the key with which this client proves that it may receive messages, as 130 hex digits; NULL if
/// it neither subscribes nor serves.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_private_topic_key(
    stats: *const amop_stats,
    index: usize,
) -> *const c_char {
    guard_read!(std::ptr::null(), { pointer(topic!(stats, index).and_then(|topic| topic.key.as_ref())) })
}

/// Returns the number of challenges that this client has signed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_private_topic_challenges_signed(
    stats: *const amop_stats,
    index: usize,
) -> u64 {
    guard_read!(0, { topic!(stats, index).map_or(0, |topic| topic.challenges_signed) })
}

/// Returns the number of messages that arrived as challenges and were not signed, because they are none or too many came at
/// once. They get no answer, so that the node asks again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_private_topic_challenges_refused(
    stats: *const amop_stats,
    index: usize,
) -> u64 {
    guard_read!(0, { topic!(stats, index).map_or(0, |topic| topic.challenges_refused) })
}

/// Returns the number of keys that this client allows; 0 if it does not publish on the topic.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_private_topic_allowed_count(
    stats: *const amop_stats,
    index: usize,
) -> usize {
    guard_read!(0, { topic!(stats, index).map_or(0, |topic| topic.allowed.len()) })
}

/// Returns a key that this client allows, as 130 hex digits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_private_topic_allowed(
    stats: *const amop_stats,
    index: usize,
    key: usize,
) -> *const c_char {
    guard_read!(std::ptr::null(), { pointer(topic!(stats, index).and_then(|topic| topic.allowed.get(key))) })
}

/// Returns the number of verifications of a topic that the client publishes on: of the subscribers at one node, for messages
/// through another one. Nodes that verified them for an earlier publisher do not ask again, and are not among them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_verification_count(stats: *const amop_stats, index: usize) -> usize {
    guard_read!(0, { topic!(stats, index).map_or(0, |topic| topic.verifications.len()) })
}

/// Returns the endpoint that passes messages on to the subscribers at the node of a verification.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_verification_endpoint(
    stats: *const amop_stats,
    index: usize,
    verification: usize,
) -> *const c_char {
    guard_read!(std::ptr::null(), {
        pointer(verification!(stats, index, verification).map(|found| &found.endpoint))
    })
}

/// Returns the id of the subscribers' node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_verification_node_id(
    stats: *const amop_stats,
    index: usize,
    verification: usize,
) -> *const c_char {
    guard_read!(std::ptr::null(), {
        pointer(verification!(stats, index, verification).map(|found| &found.node_id))
    })
}

/// Returns where a verification stands; AMOP_VERIFICATION_NONE for an invalid index and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_verification_state(
    stats: *const amop_stats,
    index: usize,
    verification: usize,
) -> amop_verification_state {
    guard_read!(AMOP_VERIFICATION_NONE, {
        verification!(stats, index, verification).map_or(AMOP_VERIFICATION_NONE, |found| found.state.into())
    })
}

/// Returns the key that the subscriber has signed with, as 130 hex digits; NULL if it has not signed, or the key cannot be
/// known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_verification_key(
    stats: *const amop_stats,
    index: usize,
    verification: usize,
) -> *const c_char {
    guard_read!(std::ptr::null(), {
        pointer(verification!(stats, index, verification).and_then(|found| found.key.as_ref()))
    })
}

/// Returns why the subscriber was rejected; NULL if it was not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_verification_reason(
    stats: *const amop_stats,
    index: usize,
    verification: usize,
) -> *const c_char {
    guard_read!(std::ptr::null(), {
        pointer(verification!(stats, index, verification).and_then(|found| found.reason.as_ref()))
    })
}

/// Returns the name of a state, such as `AMOP_VERIFICATION_PENDING`, or NULL for an unknown number.
///
/// - Ownership: the string is owned by the library and valid until the process exits.
#[unsafe(no_mangle)]
pub extern "C" fn amop_verification_state_name(state: i32) -> *const c_char {
    guard_read!(std::ptr::null(), { name_of(&STATES, state) })
}
