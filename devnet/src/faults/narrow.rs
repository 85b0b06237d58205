//! Restricting a fault to one node or session, by its handle.
//!
//! This is apart from the fault itself because handles refer to the running nodes, which hold the injected faults.

use super::Fault;
use crate::node_handle::Node;
use crate::session_handle::Session;

impl Fault {
    /// Restricts the fault to frames of this node.
    pub fn at(mut self, node: &Node) -> Fault {
        self.node = Some(node.index());
        self
    }

    /// Restricts the fault to frames of this session.
    pub fn on_session(mut self, session: &Session) -> Fault {
        self.session = Some(session.id());
        self
    }
}
