//! Runs of seconds in which a node that lists a topic itself passes unicasts on to a peer.

use crate::protocol::channel::node_choice::index_at;

/// The seconds that are searched for one in which the node passes unicasts on.
const MAX_SEARCH: i64 = 600;
/// The longest run that is looked for. A longer one counts as several.
const MAX_RUN: i64 = 60;
/// The runs that are kept, for different numbers of peers.
const KEPT: usize = 4;

/// Consecutive seconds of the node's clock in which it chooses a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) begin: i64,
    /// The first second after it.
    pub(super) end: i64,
}

/// A run, and for which questions it is the answer.
#[derive(Clone, Copy, Debug)]
struct Found {
    peers: usize,
    searched_from: i64,
    run: Run,
}

/// Computes runs, and keeps the latest ones: computing whether a second belongs to one takes some microseconds.
#[derive(Debug, Default)]
pub(super) struct Runs([Option<Found>; KEPT]);

impl Runs {
    /// Returns the run that `second` is in, or else the next one. `None`: not in the next minutes, or there are no
    /// peers.
    pub(super) fn at_or_after(&mut self, second: i64, peers: usize) -> Option<Run> {
        let kept = &mut self.0[peers % KEPT];
        let is_known =
            |found: &Found| found.peers == peers && (found.searched_from..found.run.end).contains(&second);
        if !kept.as_ref().is_some_and(is_known) {
            *kept = find(second, peers).map(|run| Found { peers, searched_from: second, run });
        }
        kept.as_ref().map(|found| found.run)
    }
}

fn find(second: i64, peers: usize) -> Option<Run> {
    if peers == 0 {
        return None;
    }
    let begin = (second..second + MAX_SEARCH).find(|second| chooses_peer(*second, peers))?;
    let longest = begin + MAX_RUN;
    let end = (begin + 1..longest).find(|second| !chooses_peer(*second, peers)).unwrap_or(longest);
    Some(Run { begin, end })
}

/// Returns whether a node that lists a topic itself, as do `peers` of its peers, chooses one of these.
pub(super) fn chooses_peer(second: i64, peers: usize) -> bool {
    peer_chosen(second, peers).is_some()
}

/// Returns the place of the peer that such a node chooses, `None` if it chooses itself. It comes last.
pub(super) fn peer_chosen(second: i64, peers: usize) -> Option<usize> {
    index_at(second, peers.saturating_add(1)).filter(|index| *index < peers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_with_one_peer_are_those_seen_at_real_nodes() {
        const FIRST: i64 = 1_795_973_427;
        let mut runs = Runs::default();
        let mut run = |second: i64| {
            let Run { begin, end } = runs.at_or_after(FIRST + second, 1).unwrap();
            (begin - FIRST, end - FIRST)
        };
        let found = [1, 2, 3, 6, 7, 8, 10].map(&mut run);
        assert_eq!(found, [(1, 3), (1, 3), (7, 8), (7, 8), (7, 8), (10, 19), (10, 19)]);
        assert_eq!(run(0), (0, 3), "an earlier second is computed anew");
    }

    #[test]
    fn runs_for_other_numbers_of_peers_are_kept_apart() {
        let mut runs = Runs::default();
        for second in 1_700_000_000..1_700_000_050 {
            for peers in [1, 2, 5, 9] {
                let run = runs.at_or_after(second, peers).unwrap();
                let computed = find(second, peers).unwrap();
                assert_eq!((run.end, run.begin.max(second)), (computed.end, computed.begin));
            }
        }
        assert_eq!(runs.at_or_after(0, 0), None, "there is no peer to choose");
    }
}
