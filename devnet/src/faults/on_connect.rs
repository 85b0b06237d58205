//! What a node does with new connections, before they are sessions.

/// What a node does with a new connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConnect {
    /// The TLS handshake, then a session.
    #[default]
    Serve,
    /// An immediate close.
    Close,
    /// An immediate TCP reset.
    Reset,
    /// No answer: the node reads until the client disconnects.
    Stall,
    /// Bytes that are not TLS, then a close.
    Garbage,
}

/// The certificate that a node shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NodeCertificate {
    /// A valid certificate of the chain.
    #[default]
    Valid,
    /// A certificate of the chain that has expired.
    Expired,
    /// A certificate of the chain that is not valid yet.
    NotYetValid,
    /// A certificate of another chain.
    Foreign,
}
