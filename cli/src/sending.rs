//! Sending a message once or repeatedly: schedule, counters and summary.

use std::cell::Cell;
use std::io;
use std::time::{Duration, Instant};

use amop::text::{digits, printable, span};
use amop::{Client, Delivery, ErrorKind};
use clap::Args;
use serde::Serialize;

use crate::exit::{Exit, Outcome};
use crate::interrupt::Interrupt;
use crate::latency::{Latencies, Percentiles};
use crate::output::{ErrorRecord, Output, Record};
use crate::values::{seconds, whole};

/// The number of messages and the interval.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Repeat {
    /// Send the message N times, one after the other; --interval without --count sends until Ctrl-C
    #[arg(long, value_name = "N", value_parser = whole::<u64>(1..=u64::MAX))]
    count: Option<u64>,
    /// The time between the starts of two sends
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    interval: Option<Duration>,
}

/// The default time limit of a message.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The default time limit of a message that waits for a subscriber.
const TIMEOUT_OF_WAIT: Duration = Duration::from_secs(60);

/// Returns the time limit of a message, of which `given` is the option.
pub(crate) fn time_limit(given: Option<Duration>, wait: bool) -> Duration {
    given.unwrap_or(if wait { TIMEOUT_OF_WAIT } else { TIMEOUT })
}

/// Returns the progress text while a message waits for its outcome, `otherwise` if not for a subscriber.
pub(crate) fn waiting_for(topic: &str, wait: bool, otherwise: &str) -> String {
    match wait {
        true => format!("waiting for a subscriber of {}", printable(topic)),
        false => otherwise.to_owned(),
    }
}

/// The minimum pause after a failure, so that a send that fails immediately isn't repeated a thousand times.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

impl Repeat {
    /// Returns whether only one message is sent.
    pub(crate) fn is_once(&self) -> bool {
        self.total() == Some(1)
    }

    /// Returns the number of messages, `None` for no limit.
    fn total(&self) -> Option<u64> {
        match (self.count, self.interval) {
            (Some(count), _) => Some(count),
            (None, Some(_)) => None,
            (None, None) => Some(1),
        }
    }

    /// Calls `send` for each message, and writes a record of each outcome and a summary.
    ///
    /// `send` returns the record of a success; `waiting` is the progress text while it waits. At a signal `client` is
    /// closed, which ends the call under way with the knowledge whether its message may have been delivered.
    pub(crate) async fn run<R: Record>(
        self,
        client: &Client,
        output: &mut Output,
        interrupt: &Interrupt,
        waiting: &str,
        mut send: impl AsyncFnMut(Number) -> amop::Result<R>,
    ) -> Outcome {
        let mut totals = Totals::new(self.is_once());
        let progress = (!self.is_once()).then(|| output.start_progress(totals.progress(self.total())));
        let mut exit = Exit::Done;
        let mut number = 0;
        let mut pause = Duration::ZERO;
        while self.total().is_none_or(|total| number < total) {
            let began = Cell::new(None);
            let due = async {
                tokio::time::sleep(pause).await;
                began.set(Some(Instant::now()));
                send(Number(number)).await
            };
            let due = ended_by(interrupt, client, due, || began.get().is_some());
            let sent =
                if self.is_once() { output.while_waiting(waiting.to_owned(), due).await } else { due.await };
            let took = began.get().map_or(Duration::ZERO, |began| began.elapsed());
            let sent = match sent {
                Ended::BySend(sent) => sent,
                Ended::BySignal(delivery) => {
                    totals.interrupted = true;
                    totals.unanswered += u64::from(delivery == Some(Delivery::Maybe));
                    exit = if self.total().is_some() { Exit::Interrupted } else { exit };
                    break;
                }
            };
            match sent {
                Ok(record) => {
                    totals.succeeded(took);
                    output.emit_now(&record)?;
                    pause = self.interval.unwrap_or_default().saturating_sub(took);
                }
                Err(error) => {
                    totals.failed += 1;
                    exit = if exit == Exit::Done { Exit::from(&error) } else { exit };
                    let place = (!self.is_once()).then_some(number);
                    output.emit_now(&ErrorRecord::new(&error).number(place))?;
                    pause = self.interval.unwrap_or_default().max(PAUSE_AFTER_FAILURE).saturating_sub(took);
                }
            }
            number += 1;
            if let Some(progress) = &progress {
                progress.set_message(totals.progress(self.total()));
            }
        }
        output.end_progress();
        if progress.is_some() || totals.interrupted {
            output.emit_now(&totals.summary())?;
        }
        Ok(exit)
    }
}

/// The end of a send.
enum Ended<R> {
    BySend(amop::Result<R>),
    /// Whether the message may have been delivered, if one was sent.
    BySignal(Option<Delivery>),
}

/// Runs `send` until a signal comes. Then closes `client`, so that `send` returns what is known of its message.
async fn ended_by<R>(
    interrupt: &Interrupt,
    client: &Client,
    send: impl Future<Output = amop::Result<R>>,
    has_begun: impl Fn() -> bool,
) -> Ended<R> {
    let mut send = std::pin::pin!(send);
    tokio::select! {
        sent = &mut send => return Ended::BySend(sent),
        () = interrupt.caught() => {}
    }
    if !has_begun() {
        return Ended::BySignal(None);
    }
    let (sent, _closed) = tokio::join!(send, client.close_within(Duration::ZERO));
    match sent {
        Err(error) if error.kind() == ErrorKind::Closed => Ended::BySignal(Some(error.delivery())),
        sent => Ended::BySend(sent),
    }
}

/// The number of a message among those sent, from 0.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Number(u64);

/// Counters of the messages so far.
struct Totals {
    began: Instant,
    once: bool,
    succeeded: u64,
    failed: u64,
    unanswered: u64,
    /// Whether a signal ended the last send, or the pause before it.
    interrupted: bool,
    latencies: Latencies,
}

impl Totals {
    fn new(once: bool) -> Totals {
        let began = Instant::now();
        Totals {
            began,
            once,
            succeeded: 0,
            failed: 0,
            unanswered: 0,
            interrupted: false,
            latencies: Latencies::new(),
        }
    }

    fn succeeded(&mut self, took: Duration) {
        self.succeeded += 1;
        self.latencies.record(took);
    }

    fn progress(&self, total: Option<u64>) -> String {
        let Summary { sent, failed, rate, .. } = self.summary();
        let rate = digits(rate);
        match total {
            Some(total) => format!("{sent} of {total} sent, {failed} failed, {rate}/s"),
            None => format!("{sent} sent, {failed} failed, {rate}/s"),
        }
    }

    fn summary(&self) -> Summary {
        let seconds = self.began.elapsed().as_secs_f64();
        Summary {
            once: self.once,
            sent: self.succeeded + self.failed + self.unanswered,
            succeeded: self.succeeded,
            failed: self.failed,
            unanswered: self.unanswered,
            seconds,
            rate: if seconds > 0.0 { self.succeeded as f64 / seconds } else { 0.0 },
            latency_us: self.latencies.percentiles(),
        }
    }
}

/// The summary of repeated sends.
#[derive(Serialize)]
#[serde(tag = "event", rename = "summary")]
struct Summary {
    #[serde(skip)]
    once: bool,
    sent: u64,
    succeeded: u64,
    failed: u64,
    /// Messages without an answer before Ctrl-C: they may have been delivered.
    unanswered: u64,
    seconds: f64,
    /// Successful messages per second.
    rate: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_us: Option<Percentiles>,
}

impl Record for Summary {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        let Summary { once, sent, succeeded, failed, unanswered, seconds, rate, latency_us } = self;
        if *once {
            return output.notice(match unanswered {
                0 => "interrupted; the message was not delivered",
                _ => "interrupted before the answer; the message may have been delivered",
            });
        }
        let unanswered = match unanswered {
            0 => String::new(),
            several => format!(", {several} not answered before the end"),
        };
        let mut text = format!(
            "{sent} sent, {succeeded} succeeded, {failed} failed{unanswered} in {} ({}/s)",
            span(Duration::from_secs_f64(*seconds)),
            digits(*rate)
        );
        if let Some(latency) = latency_us {
            text += &format!("\nlatency: {}", latency.text());
        }
        output.notice(&text)
    }
}
