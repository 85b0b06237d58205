//! The modes of the engine.

/// What the engine speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EngineMode {
    /// TLS 1.2 with static RSA key exchange and AES-GCM: the RSA channel of 2.x nodes.
    StaticRsa,
    /// The suites of TLCP over TLS 1.2: the GM channel of 2.x nodes.
    GmTls12,
    /// TLCP (GB/T 38636): 3.x nodes of GM chains.
    Tlcp,
}
