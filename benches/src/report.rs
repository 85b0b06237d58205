//! The report: the figures of client and floor for each case, and their ratio.

use std::fmt::Write;

use crate::case::Case;
use crate::sample::Sample;

/// One round of client and floor.
pub(crate) struct Pair {
    pub(crate) client: Sample,
    pub(crate) floor: Option<Sample>,
}

/// Returns a figure of a sample, or `None` if the sample does not have it.
type Figure = fn(&Sample) -> Option<f64>;

/// The rows: name, figure, decimal places, and whether the ratio of client and floor is printed.
const ROWS: [(&str, Figure, usize, bool); 5] = [
    ("messages/s", |sample| Some(sample.rate), 0, true),
    ("CPU us/message", |sample| Some(sample.cpu), 2, true),
    ("p50 us", |sample| sample.latency.map(|latency| latency.p50), 1, false),
    ("p99 us", |sample| sample.latency.map(|latency| latency.p99), 1, false),
    ("frames/write", |sample| Some(sample.frames_per_write), 1, false),
];

/// Prints a case.
pub(crate) fn print(case: &Case, pairs: &[Pair]) {
    println!("{}", text(case, pairs));
}

fn text(case: &Case, pairs: &[Pair]) -> String {
    let (name, rounds, messages) = (case.name(), pairs.len(), case.messages);
    let mut out = format!("{name}: {rounds} rounds of {messages}, median [least .. most]\n");
    line(&mut out, "", ["client", "floor", "client / floor"].map(str::to_owned));
    for (name, figure, digits, is_compared) in ROWS {
        let of_client = |pair: &Pair| figure(&pair.client);
        let of_floor = |pair: &Pair| pair.floor.as_ref().and_then(figure);
        let ratio = |pair: &Pair| Some(of_client(pair)? / of_floor(pair)?).filter(|_| is_compared);
        let cells = [
            spread(pairs.iter().filter_map(of_client), digits),
            spread(pairs.iter().filter_map(of_floor), digits),
            spread(pairs.iter().filter_map(ratio), 2),
        ];
        line(&mut out, name, cells);
    }
    out
}

fn line(out: &mut String, name: &str, [client, floor, ratio]: [String; 3]) {
    let line = format!("  {name:14}  {client:>32}  {floor:>32}  {ratio:>24}");
    // Writing to a string does not fail.
    let _ = writeln!(out, "{}", line.trim_end());
}

/// Returns the median with minimum and maximum.
fn spread(figures: impl Iterator<Item = f64>, digits: usize) -> String {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (figures.first(), figures.last()) else { return String::new() };
    let median = figures[figures.len() / 2];
    format!("{median:.digits$} [{least:.digits$} .. {most:.digits$}]")
}

#[cfg(test)]
mod tests {
    use amop_devnet::Generation;

    use super::*;
    use crate::case::Traffic;
    use crate::sample::Latency;

    fn sample(rate: f64) -> Sample {
        let latency = Some(Latency { p50: 10.0, p99: 20.25 });
        Sample { rate, cpu: 1000.0 / rate, frames_per_write: 2.0, latency }
    }

    #[test]
    fn ratios_compare_figures_of_one_round() {
        let case = Case {
            generation: Generation::V2,
            traffic: Traffic::Unicast { in_flight: 16 },
            size: 64,
            messages: 100,
        };
        let rounds = [(100.0, 200.0), (300.0, 1200.0), (200.0, 200.0)];
        let pairs = rounds.map(|(client, floor)| Pair { client: sample(client), floor: Some(sample(floor)) });
        let text = text(&case, &pairs);
        assert!(text.starts_with("2.x, unicast, 16 in flight, 64 B: 3 rounds of 100,"), "{text}");
        assert!(text.contains("200 [100 .. 300]"), "{text}");
        assert!(text.contains("0.50 [0.25 .. 1.00]"), "{text}");
        assert!(text.contains("2.00 [1.00 .. 4.00]"), "{text}");
        assert_eq!(text.lines().count(), 2 + ROWS.len());
    }
}
