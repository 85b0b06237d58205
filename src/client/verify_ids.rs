//! The ids of the topics on which a client is challenged: one for each private topic and connection, which never changes.
//!
//! An id of its own for each connection makes a challenge reach the node that it is about. One that changed with each topic
//! list would fail the verifications that are under way.

use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hash;

use super::link::LinkId;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::Topic;

/// Makes the ids out of a secret of the client.
pub(super) struct VerifyIds(SipHasher13);

impl VerifyIds {
    /// Creates a secret.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Runtime`] if the operating system returns no random bytes.
    pub(super) fn new() -> Result<VerifyIds> {
        let mut secret = [0; 16];
        getrandom::fill(&mut secret).map_err(|error| {
            let text = format!("the operating system returned no random bytes for a private topic ({error})");
            Error::undelivered(ErrorKind::Runtime, text)
        })?;
        Ok(VerifyIds(SipHasher13::new_with_key(&secret)))
    }

    /// Returns the id for a private topic over a link.
    pub(super) fn id(&self, topic: &Topic, link: LinkId) -> u128 {
        let mut hasher = self.0;
        (topic.as_str(), link).hash(&mut hasher);
        hasher.finish128().as_u128()
    }
}
