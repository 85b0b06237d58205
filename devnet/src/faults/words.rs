//! The text form of faults: `lose type=0x31 times=1 topic=hello`.

use std::str::FromStr;
use std::time::Duration;

use amop::{Error, ErrorKind, Result};

use super::{Action, Direction, Fault};

/// Parses a fault: what happens, then its restrictions. `topic=` takes the rest of the line.
pub(crate) fn read(text: &str) -> Result<Fault> {
    let (what, mut rest) = split_word(text);
    let mut fault = Fault::new(action(what)?);
    while !rest.is_empty() {
        if let Some(topic) = rest.strip_prefix("topic=") {
            return Ok(fault.on_topic(topic));
        }
        let word;
        (word, rest) = split_word(rest);
        match word.split_once('=') {
            None if word == "from-clients" => fault.direction = Direction::FromClients,
            Some(("node", node)) => fault.node = Some(number(node)?),
            Some(("session", session)) => fault.session = Some(number(session)?),
            Some(("type", kind)) => fault.kind = Some(message_type(kind)?),
            Some(("after", count)) => fault.after = number(count)?,
            Some(("times", count)) => fault.times = number(count)?,
            Some(("chance", probability)) => fault.chance = chance(probability)?,
            _ => {
                return Err(wrong(format!(
                    "unknown restriction {word:?} of a fault: use from-clients, node=0, session=0, type=0x31, after=1, \
                     times=1, chance=0.5 or, at the end, topic=hello"
                )));
            }
        }
    }
    Ok(fault)
}

fn action(text: &str) -> Result<Action> {
    Ok(match text.split_once('=').unwrap_or((text, "")) {
        ("lose", "") => Action::Lose,
        ("twice", "") => Action::Twice,
        ("other-seq", "") => Action::OtherSeq,
        ("garbage", "") => Action::Garbage,
        ("cut", "") => Action::CutInMidFrame,
        ("close", "") => Action::Close,
        ("reset", "") => Action::Reset,
        ("stall", "") => Action::Stall,
        ("delay", seconds) => Action::Delay(time(seconds)?),
        ("other-type", kind) => Action::OtherType(message_type(kind)?),
        _ => {
            return Err(wrong(format!(
                "unknown fault {text:?}: use lose, delay=SECONDS, twice, other-seq, other-type=TYPE, garbage, cut, \
                 close, reset or stall"
            )));
        }
    })
}

/// Returns the first word, and the rest without surrounding blanks.
pub(crate) fn split_word(text: &str) -> (&str, &str) {
    let text = text.trim();
    text.split_once(' ').map_or((text, ""), |(word, rest)| (word, rest.trim_start()))
}

pub(crate) fn number<T: FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| wrong(format!("invalid number {text:?}")))
}

fn message_type(text: &str) -> Result<u16> {
    let digits = text.strip_prefix("0x").map(|digits| u16::from_str_radix(digits, 16).ok());
    let kind = digits.unwrap_or_else(|| text.parse().ok());
    kind.ok_or_else(|| wrong(format!("invalid frame type {text:?}: write it like 0x31")))
}

/// Parses a number of seconds.
pub(crate) fn time(text: &str) -> Result<Duration> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| wrong(format!("invalid time {text:?}: use a number of seconds, such as 2 or 0.5")))
}

/// Parses a number of seconds, which may be negative, into milliseconds.
pub(crate) fn milliseconds(text: &str) -> Result<i64> {
    let seconds = text.parse().ok().filter(|seconds: &f64| seconds.is_finite());
    seconds
        .map(|seconds| (1000.0 * seconds).round() as i64)
        .ok_or_else(|| wrong(format!("invalid time {text:?}: use a number of seconds, such as 2 or -0.25")))
}

fn chance(text: &str) -> Result<f64> {
    let chance = text.parse().ok().filter(|chance| (0.0..=1.0).contains(chance));
    chance.ok_or_else(|| wrong(format!("invalid probability {text:?}: use a number from 0 to 1")))
}

fn wrong(text: String) -> Error {
    Error::undelivered(ErrorKind::InvalidArgument, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asserts that a text is parsed into the fault that methods create.
    fn assert_same(text: &str, fault: Fault) {
        assert_eq!(format!("{:?}", read(text).unwrap()), format!("{fault:?}"), "{text}");
    }

    #[test]
    fn read_parses_every_fault_and_restriction() {
        assert_same("lose", Fault::lose());
        assert_same("delay=0.25", Fault::delay(Duration::from_millis(250)));
        assert_same("twice", Fault::twice());
        assert_same("other-seq", Fault::other_seq());
        assert_same("other-type=0x35", Fault::other_type(0x35));
        assert_same("garbage", Fault::garbage());
        assert_same("cut", Fault::cut_in_mid_frame());
        assert_same("close", Fault::close());
        assert_same("reset", Fault::reset());
        assert_same("stall", Fault::stall());
        let narrow = Fault::lose().from_clients().on_type(49).after(2).times(3).chance(0.5).on_topic("a b=c");
        assert_same("lose from-clients type=49 after=2 times=3 chance=0.5 topic=a b=c", narrow);
        let fault = read("twice node=3 session=12").unwrap();
        assert_eq!((fault.node, fault.session), (Some(3), Some(12)));
    }

    #[test]
    fn read_names_what_is_invalid() {
        for (text, named) in [
            ("", "unknown fault \"\""),
            ("explode", "unknown fault \"explode\""),
            ("lose=1", "unknown fault \"lose=1\""),
            ("delay", "invalid time"),
            ("delay=-1", "invalid time \"-1\""),
            ("other-type=x", "invalid frame type \"x\""),
            ("lose type=0x10000", "invalid frame type \"0x10000\""),
            ("lose chance=2", "invalid probability \"2\""),
            ("lose times=some", "invalid number \"some\""),
            ("lose often", "unknown restriction \"often\""),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().contains(named), "{text}: {error}");
        }
    }
}
