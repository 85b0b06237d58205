//! Log records as texts, for the bindings: their languages have no `tracing`.
//!
//! A [`Collector`] turns each event of this library into a [`Record`] that names the spans (sessions and calls) it
//! happened in. A process has one collector.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{self, Attributes, Id};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::runtime::Process;
use crate::text::printable;

/// A log record.
#[derive(Clone, Debug)]
pub struct Record {
    /// The severity.
    pub level: Level,
    /// The module of the library that logged it, such as `amop::client`.
    pub target: &'static str,
    /// The message, its fields and its spans: `failed error=Timeout in call{kind=Publish topic=hello}`.
    pub message: String,
}

/// A `tracing` subscriber that passes on the events of this library and ignores all others.
pub struct Collector<W, T> {
    wanted: W,
    take: T,
    spans: Spans,
}

impl<W, T> Collector<W, T>
where
    W: Fn() -> LevelFilter + 'static,
    T: Fn(Record) + 'static,
{
    /// Creates a collector.
    ///
    /// `wanted` returns the level that is wanted now; call `tracing::callsite::rebuild_interest_cache` after it changes.
    /// `take` is called with each record, on the thread that logs it, and must not block.
    pub fn new(wanted: W, take: T) -> Collector<W, T> {
        Collector { wanted, take, spans: Spans::new() }
    }
}

impl<W, T> std::fmt::Debug for Collector<W, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collector").finish_non_exhaustive()
    }
}

impl<W, T> Subscriber for Collector<W, T>
where
    W: Fn() -> LevelFilter + 'static,
    T: Fn(Record) + 'static,
{
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= (self.wanted)() && metadata.target().starts_with("amop")
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some((self.wanted)())
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let mut message = text.message + &text.fields;
        self.spans.append_entered(&mut message);
        // A field may hold what a peer or a handler wrote: it must not begin a line of its own.
        let message = printable(&message).to_string();
        let metadata = event.metadata();
        (self.take)(Record { level: *metadata.level(), target: metadata.target(), message });
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut text = Text::default();
        span.record(&mut text);
        self.spans.open(format!("{}{{{}}}", span.metadata().name(), text.fields.trim_start()))
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.spans.hold(id);
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        self.spans.release(&id)
    }

    fn enter(&self, id: &Id) {
        // The thread-local is gone while its thread exits: such a thread logs without spans.
        let _ = ENTERED.try_with(|entered| entered.borrow_mut().push(id.into_u64()));
    }

    fn exit(&self, id: &Id) {
        let _ = ENTERED.try_with(|entered| {
            let mut entered = entered.borrow_mut();
            if let Some(at) = entered.iter().rposition(|other| *other == id.into_u64()) {
                entered.remove(at);
            }
        });
    }

    // The library never adds fields to a span after its creation, and its spans follow from no other.
    fn record(&self, _span: &Id, _values: &span::Record<'_>) {}
    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
}

thread_local! {
    /// The spans that this thread has entered, the innermost last.
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// The texts of all open spans. In the child of a fork there are none, because another thread of the parent may have
/// held the lock.
struct Spans {
    process: Process,
    last: AtomicU64,
    open: Mutex<BTreeMap<u64, Span>>,
}

struct Span {
    text: String,
    handles: usize,
}

impl Spans {
    fn new() -> Spans {
        Spans { process: Process::current(), last: AtomicU64::new(0), open: Mutex::default() }
    }

    fn texts(&self) -> Option<MutexGuard<'_, BTreeMap<u64, Span>>> {
        self.process.check().ok()?;
        Some(self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn open(&self, text: String) -> Id {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(mut texts) = self.texts() {
            texts.insert(number, Span { text, handles: 1 });
        }
        Id::from_u64(number)
    }

    fn hold(&self, id: &Id) {
        if let Some(mut texts) = self.texts()
            && let Some(span) = texts.get_mut(&id.into_u64())
        {
            span.handles += 1;
        }
    }

    /// Drops one handle of a span; returns whether that was the last.
    fn release(&self, id: &Id) -> bool {
        let Some(mut texts) = self.texts() else { return false };
        let Some(span) = texts.get_mut(&id.into_u64()) else { return false };
        span.handles -= 1;
        let gone = span.handles == 0;
        if gone {
            texts.remove(&id.into_u64());
        }
        gone
    }

    /// Appends the spans that this thread has entered.
    fn append_entered(&self, message: &mut String) {
        let _ = ENTERED.try_with(|entered| {
            let entered = entered.borrow();
            if entered.is_empty() {
                return;
            }
            let Some(texts) = self.texts() else { return };
            for span in entered.iter().rev().filter_map(|number| texts.get(number)) {
                message.push_str(" in ");
                message.push_str(&span.text);
            }
        });
    }
}

/// Fields as a text: the message, then the others.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a `String` cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tracing::{debug, debug_span, info, info_span, warn};

    /// Returns the levels and texts that are collected while `act` runs.
    fn collected(wanted: LevelFilter, act: impl FnOnce()) -> Vec<(Level, String)> {
        let records = Arc::new(Mutex::new(Vec::new()));
        let sink = records.clone();
        let take = move |record: Record| {
            assert!(record.target.starts_with("amop"));
            sink.lock().unwrap().push((record.level, record.message));
        };
        tracing::subscriber::with_default(Collector::new(move || wanted, take), act);
        records.lock().unwrap().drain(..).collect()
    }

    #[test]
    fn record_has_message_fields_and_spans() {
        let records = collected(LevelFilter::DEBUG, || {
            let session = info_span!("session", endpoint = "a:1", connection = 2);
            let call = debug_span!("call", topic = %"hello");
            info!(took = 7, "before");
            let inside = session.in_scope(|| {
                call.in_scope(|| debug!(error = ?"no", "failed"));
                warn!("still in");
                session.clone()
            });
            drop((session, call));
            inside.in_scope(|| info!("again"));
            drop(inside);
            info!("after");
        });
        let expected = [
            (Level::INFO, "before took=7"),
            (Level::DEBUG, "failed error=\"no\" in call{topic=hello} in session{endpoint=a:1 connection=2}"),
            (Level::WARN, "still in in session{endpoint=a:1 connection=2}"),
            (Level::INFO, "again in session{endpoint=a:1 connection=2}"),
            (Level::INFO, "after"),
        ];
        assert_eq!(records, expected.map(|(level, text)| (level, text.to_owned())));
    }

    #[test]
    fn record_is_one_printable_line() {
        let records = collected(LevelFilter::DEBUG, || {
            let hostile = "x\nERROR forged \u{1b}[2J\u{202e}";
            info_span!("call", topic = hostile).in_scope(|| warn!(error = %hostile, "failed: {hostile}"));
        });
        let shown = r"x\nERROR forged \u{1b}[2J\u{202e}";
        let expected = format!("failed: {shown} error={shown} in call{{topic={shown}}}");
        assert_eq!(records, [(Level::WARN, expected)]);
    }

    #[test]
    fn other_levels_and_targets_are_ignored() {
        let records = collected(LevelFilter::INFO, || {
            debug!("too much");
            debug_span!("call").in_scope(|| info!("enough"));
            tracing::error!(target: "other", "not of this library");
        });
        assert_eq!(records, [(Level::INFO, "enough".to_owned())]);
        assert!(collected(LevelFilter::OFF, || tracing::error!("not collected")).is_empty());
    }

    #[test]
    fn last_handle_removes_a_span() {
        let spans = Spans::new();
        let id = spans.open("call{}".into());
        spans.hold(&id);
        assert!(!spans.release(&id));
        assert!(spans.release(&id));
        assert!(spans.texts().unwrap().is_empty());
        assert!(!spans.release(&id), "there is none");
    }
}
