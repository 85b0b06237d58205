//! The output of doctor: one record for each step, and a summary.

use std::io;

use amop::text::printable;
use serde::Serialize;

use super::finding::Finding;
use crate::exit::Exit;
use crate::output::{BAD, FAINT, GOOD, ODD, Output, Record, STRONG};

/// The steps, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Step {
    Endpoint,
    Credentials,
    Tcp,
    Tls,
    Certificate,
    Handshake,
    Heartbeat,
    Topics,
    RoundTrip,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Step::Endpoint => "endpoint",
            Step::Credentials => "credentials",
            Step::Tcp => "tcp",
            Step::Tls => "tls",
            Step::Certificate => "certificate",
            Step::Handshake => "handshake",
            Step::Heartbeat => "heartbeat",
            Step::Topics => "topics",
            Step::RoundTrip => "round trip",
        }
    }
}

/// A problem or note, and what was observed.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) finding: Finding,
    pub(super) seen: String,
}

impl Problem {
    pub(super) fn new(finding: Finding, seen: impl Into<String>) -> Problem {
        Problem { finding, seen: seen.into() }
    }
}

/// Writes the result of each step, and keeps the findings.
pub(super) struct Report<'a> {
    output: &'a mut Output,
    /// The endpoint, if several are checked.
    endpoint: Option<String>,
    found: Vec<Finding>,
}

impl<'a> Report<'a> {
    pub(super) fn new(output: &'a mut Output, endpoint: Option<String>) -> io::Result<Report<'a>> {
        if let Some(endpoint) = &endpoint {
            output.heading(&printable(endpoint).to_string())?;
        }
        Ok(Report { output, endpoint, found: Vec::new() })
    }

    /// Runs the work of a step.
    pub(super) async fn check<T>(&mut self, step: Step, work: impl Future<Output = T>) -> T {
        self.output.while_waiting(format!("checking {}", step.name()), work).await
    }

    /// Reports that the step succeeded.
    pub(super) fn works(&mut self, step: Step, text: impl Into<String>) -> io::Result<()> {
        let endpoint = self.endpoint.as_deref();
        self.output.emit_now(&Check { endpoint, step, outcome: Outcome::Ok, text: text.into(), advice: None })
    }

    /// Reports what the step found.
    pub(super) fn found(&mut self, step: Step, problem: Problem) -> io::Result<()> {
        let Problem { finding, seen } = problem;
        self.found.push(finding);
        let outcome = if finding.is_note() { Outcome::Note } else { Outcome::Failed };
        let advice = Advice { finding: finding.id(), headline: finding.headline(), advice: finding.advice() };
        let endpoint = self.endpoint.as_deref();
        self.output.emit_now(&Check { endpoint, step, outcome, text: seen, advice: Some(advice) })
    }

    /// Writes the summary. Returns the exit code of the first problem.
    pub(super) fn end(self) -> io::Result<Exit> {
        let problems: Vec<_> = self.found.iter().filter(|found| !found.is_note()).collect();
        let notes = self.found.iter().filter(|found| found.is_note());
        self.output.emit_now(&Summary {
            endpoint: self.endpoint.as_deref(),
            works: problems.is_empty(),
            problems: problems.iter().map(|found| found.id()).collect(),
            notes: notes.map(|found| found.id()).collect(),
        })?;
        Ok(problems.first().map_or(Exit::Done, |found| found.exit()))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Ok,
    Note,
    Failed,
}

/// One step.
#[derive(Serialize)]
#[serde(tag = "event", rename = "check")]
struct Check<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<&'a str>,
    step: Step,
    outcome: Outcome,
    #[serde(flatten)]
    advice: Option<Advice>,
    /// What was observed.
    text: String,
}

#[derive(Serialize)]
struct Advice {
    finding: &'static str,
    headline: &'static str,
    advice: &'static str,
}

impl Record for Check<'_> {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        let step = format!("{STRONG}{:11}{STRONG:#}", self.step.name());
        let mark = match self.outcome {
            Outcome::Ok => format!("{GOOD}ok  {GOOD:#}"),
            Outcome::Note => format!("{ODD}note{ODD:#}"),
            Outcome::Failed => format!("{BAD}FAIL{BAD:#}"),
        };
        // It may quote what the other side sent.
        let text = printable(&self.text);
        let Some(advice) = &self.advice else {
            return output.result(&format!("{mark} {step} {text}"));
        };
        output.result(&format!("{mark} {step} {} [{}]", advice.headline, advice.finding))?;
        output.result(&format!("                 {FAINT}{text}{FAINT:#}"))?;
        output.result(&format!("                 {STRONG}->{STRONG:#} {}", advice.advice))
    }
}

/// The summary.
#[derive(Serialize)]
#[serde(tag = "event", rename = "summary")]
struct Summary<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<&'a str>,
    works: bool,
    problems: Vec<&'static str>,
    notes: Vec<&'static str>,
}

impl Record for Summary<'_> {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        output.result(&match self.problems.as_slice() {
            [] => format!("{GOOD}everything works{GOOD:#}"),
            [problem] => format!("{BAD}1 problem:{BAD:#} {problem}"),
            problems => format!("{BAD}{} problems:{BAD:#} {}", problems.len(), problems.join(", ")),
        })
    }
}
