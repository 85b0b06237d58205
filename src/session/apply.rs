//! Applies what a machine has decided, and delivers the messages that it has received.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::command::{Channels, Command};
use super::effect::{Effect, Fatal, Notice, Outputs};
use super::link_handle::LinkHandle;
use super::machine::Machine;
use super::open_requests::OpenRequests;
use crate::delivery::{Batch, Verdict};
use crate::error::Result;
use crate::protocol::result;

/// Takes the outputs of a machine and applies all of them; an error of `notify` is returned afterwards. `effects` is empty before and after; its memory is used again.
pub(super) fn apply(
    outputs: &mut Outputs<Channels>,
    effects: &mut Vec<Effect<Channels>>,
    link: &Arc<LinkHandle>,
    notify: &mut impl FnMut(Notice) -> Result<()>,
) -> Result<()> {
    // Counted before the callers learn of it.
    link.count(std::mem::take(&mut outputs.counts));
    std::mem::swap(&mut outputs.effects, effects);
    let mut outcome = Ok(());
    for effect in effects.drain(..) {
        match effect {
            Effect::Complete { caller, outcome, round_trip } => {
                if let Some(took) = round_trip {
                    link.counters.round_trips.count(took);
                }
                caller.complete(outcome);
            }
            // Callers that no longer wait are ignored.
            Effect::Listed { caller, outcome } => drop(caller.send(outcome)),
            Effect::Surveyed(done) => drop(done.send(())),
            Effect::View(view) => link.views.set(view),
            Effect::Read(job) => {
                let link = link.clone();
                // A link that has ended needs no answer.
                job.run_on_thread(move |answer| drop(link.send(Command::Read(answer.into()))));
            }
            Effect::Notice(notice) => {
                // The client may refuse the node; then it learns of nothing more.
                if outcome.is_ok() {
                    if let Notice::Ready { node_version, .. } = &notice {
                        link.views.set_version(node_version);
                        link.set_connected(true);
                    }
                    outcome = notify(notice);
                }
            }
        }
    }
    outcome
}

/// Delivers the messages that have arrived, and answers those that need no handler.
pub(super) fn deliver(
    machine: &mut Machine<Channels>,
    batch: &mut Batch<'_>,
    requests: &mut OpenRequests,
    link: &LinkHandle,
    now: Instant,
) -> Result<(), Fatal> {
    while let Some(message) = machine.next_message(now)? {
        let topic_len = message.topic.len();
        match batch.offer(&message) {
            Verdict::NoAnswer => {}
            Verdict::Unwanted => machine.unwanted(now),
            Verdict::Later(ticket) => requests.add(ticket, now),
            Verdict::Answer(code, data) => {
                match code {
                    result::BUSY => count(&link.counters.busy),
                    result::UNSUBSCRIBED => machine.unwanted(now),
                    _ => {}
                }
                let (code, data) = link.count_own_answer(topic_len, code, data);
                machine.answer_current(code, &data);
            }
        }
    }
    // Counted before the batch passes the messages on to their consumers.
    link.count(std::mem::take(&mut machine.outputs().counts));
    Ok(())
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
