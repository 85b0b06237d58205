//! Random bytes: of the system, and in tests those of a recorded handshake.

use ring::rand::SecureRandom;

use super::fault::Fault;

/// A source of random bytes.
pub(super) trait Random: Send + Sync {
    fn fill(&self, out: &mut [u8]) -> Result<(), Fault>;
}

/// The random bytes of the operating system.
pub(super) struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), Fault> {
        ring::rand::SystemRandom::new()
            .fill(out)
            .map_err(|_| Fault::internal("the operating system gives no random bytes"))
    }
}
