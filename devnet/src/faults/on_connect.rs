//! What new connections meet before they are sessions.

/// What a node does with a new connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConnect {
    /// TLS, then a session.
    #[default]
    Serve,
    /// Closes it at once.
    Close,
    /// Resets it at once.
    Reset,
    /// Takes what comes and says nothing, until the client goes.
    Stall,
    /// Sends bytes that are no TLS, then closes.
    Garbage,
}

/// Which certificate a node shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NodeCertificate {
    /// A valid one of the chain.
    #[default]
    Valid,
    /// One of the chain that has expired.
    Expired,
    /// One of the chain that isn't valid yet.
    NotYetValid,
    /// One of another chain.
    Foreign,
}
