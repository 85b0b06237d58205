//! Sending once or again and again: when the next is due, what is counted, and the summary.

use std::cell::Cell;
use std::io;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use crate::exit::{Exit, Outcome};
use crate::interrupt::Interrupt;
use crate::latency::{Latencies, Percentiles};
use crate::output::{ErrorRecord, Output, Record};
use crate::seconds::seconds;

/// How often to send.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Repeat {
    /// Send the message N times, one after the other; with --interval alone: until Ctrl-C
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// The time from one send to the next
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    interval: Option<Duration>,
}

/// After a failure the next send waits so long at least: one that fails at once would fail a thousand times.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

impl Repeat {
    /// Whether this is about one message only.
    pub(crate) fn is_once(&self) -> bool {
        self.total() == Some(1)
    }

    /// How many in all; `None`: until Ctrl-C.
    fn total(&self) -> Option<u64> {
        match (self.count, self.interval) {
            (Some(count), _) => Some(count),
            (None, Some(_)) => None,
            (None, None) => Some(1),
        }
    }

    /// Sends by `send` as often as wanted, and tells what became of each and of all.
    ///
    /// `send` gives the record of a success; `waiting` says what that may have to wait for.
    pub(crate) async fn run<R: Record>(
        self,
        output: &mut Output,
        interrupt: &Interrupt,
        waiting: &str,
        mut send: impl AsyncFnMut(Number) -> amop::Result<R>,
    ) -> Outcome {
        let mut tally = Tally::new(self.is_once());
        let progress = (!self.is_once()).then(|| output.start_progress(tally.progress(self.total())));
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
            let due = interrupt.unless_caught(due);
            let sent =
                if self.is_once() { output.while_waiting(waiting.to_owned(), due).await } else { due.await };
            let took = began.get().map_or(Duration::ZERO, |began| began.elapsed());
            let Some(sent) = sent else {
                tally.unanswered += u64::from(began.get().is_some());
                exit = if self.total().is_some() { Exit::Interrupted } else { exit };
                break;
            };
            match sent {
                Ok(record) => {
                    tally.succeeded(took);
                    output.tell_now(&record)?;
                    pause = self.interval.unwrap_or_default().saturating_sub(took);
                }
                Err(error) => {
                    tally.failed += 1;
                    exit = if exit == Exit::Done { Exit::from(&error) } else { exit };
                    let place = (!self.is_once()).then_some(number);
                    output.tell_now(&ErrorRecord::new(&error).number(place))?;
                    pause = self.interval.unwrap_or_default().max(PAUSE_AFTER_FAILURE).saturating_sub(took);
                }
            }
            number += 1;
            if let Some(progress) = &progress {
                progress.set_message(tally.progress(self.total()));
            }
        }
        output.end_progress();
        if progress.is_some() || tally.unanswered > 0 {
            output.tell_now(&tally.summary())?;
        }
        Ok(exit)
    }
}

/// The place of a message among those sent, from 0.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Number(u64);

/// What was counted so far.
struct Tally {
    began: Instant,
    once: bool,
    succeeded: u64,
    failed: u64,
    unanswered: u64,
    latencies: Latencies,
}

impl Tally {
    fn new(once: bool) -> Tally {
        let began = Instant::now();
        Tally { began, once, succeeded: 0, failed: 0, unanswered: 0, latencies: Latencies::new() }
    }

    fn succeeded(&mut self, took: Duration) {
        self.succeeded += 1;
        self.latencies.record(took);
    }

    fn progress(&self, total: Option<u64>) -> String {
        let Summary { sent, failed, rate, .. } = self.summary();
        match total {
            Some(total) => format!("{sent} of {total} sent, {failed} failed, {rate:.1}/s"),
            None => format!("{sent} sent, {failed} failed, {rate:.1}/s"),
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

/// What repeated sends came to.
#[derive(Serialize)]
#[serde(tag = "event", rename = "summary")]
struct Summary {
    #[serde(skip)]
    once: bool,
    sent: u64,
    succeeded: u64,
    failed: u64,
    /// Ctrl-C came before the answer: they may have been delivered.
    unanswered: u64,
    seconds: f64,
    /// Successes per second.
    rate: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_us: Option<Percentiles>,
}

impl Record for Summary {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        let Summary { once, sent, succeeded, failed, unanswered, seconds, rate, latency_us } = self;
        if *once {
            return output.notice("interrupted before the answer; the message may have been delivered");
        }
        let unanswered = match unanswered {
            0 => String::new(),
            several => format!(", {several} not answered before the end"),
        };
        let mut text = format!(
            "{sent} sent, {succeeded} succeeded, {failed} failed{unanswered} in {seconds:.2} s ({rate:.1}/s)"
        );
        if let Some(latency) = latency_us {
            text += &format!("\nlatency: {}", latency.text());
        }
        output.notice(&text)
    }
}
