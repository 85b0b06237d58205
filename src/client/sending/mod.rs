//! Sends messages through the nodes of a client: a file for each strategy, one for a single attempt, one for what a
//! failure means.

mod at_least_once;
mod attempt;
mod broadcast;
mod hold;
mod one_by_one;
mod outcome;
mod outgoing;
mod run;

pub(super) use outgoing::Outgoing;
