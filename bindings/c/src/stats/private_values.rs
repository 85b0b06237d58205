//! The values of private topics in a snapshot.

use std::ffi::CString;

use amop::{PrivateTopicStats, VerificationState, VerificationStats};

use crate::argument::c_text;

/// A private topic in a snapshot.
pub(super) struct PrivateTopic {
    pub(super) topic: CString,
    pub(super) key: Option<CString>,
    pub(super) challenges_signed: u64,
    pub(super) challenges_refused: u64,
    pub(super) allowed: Vec<CString>,
    pub(super) verifications: Vec<Verification>,
}

/// A verification in a snapshot.
pub(super) struct Verification {
    pub(super) endpoint: CString,
    pub(super) node_id: CString,
    pub(super) state: VerificationState,
    pub(super) key: Option<CString>,
    pub(super) reason: Option<CString>,
}

impl PrivateTopic {
    pub(super) fn new(stats: &PrivateTopicStats) -> PrivateTopic {
        PrivateTopic {
            topic: c_text(&stats.topic),
            key: stats.key.as_ref().map(|key| c_text(&key.to_hex())),
            challenges_signed: stats.challenges_signed,
            challenges_refused: stats.challenges_refused,
            allowed: stats.allowed.iter().map(|key| c_text(&key.to_hex())).collect(),
            verifications: stats.verifications.iter().map(Verification::new).collect(),
        }
    }
}

impl Verification {
    fn new(stats: &VerificationStats) -> Verification {
        Verification {
            endpoint: c_text(&stats.endpoint),
            node_id: c_text(&stats.node_id),
            state: stats.state,
            key: stats.key.as_ref().map(|key| c_text(&key.to_hex())),
            reason: (!stats.reason.is_empty()).then(|| c_text(&stats.reason)),
        }
    }
}
