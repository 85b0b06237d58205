//! What the outcomes of unicasts show about the difference between the clocks of a node and of this client.

use std::collections::{BTreeMap, VecDeque};

use super::runs::{chooses_peer, peer_chosen};

/// The unicasts that were passed on, and those that were lost, that are kept to learn from.
const KEPT: usize = 48;
/// Unicasts whose nodes chose within the same time of so many milliseconds, with the same outcome, show the same.
const ALIKE: i64 = 250;
/// If in so many seconds no unicast was answered, the subscriber has gone, and that shows nothing about the clock.
const MAX_UNCONFIRMED: usize = 12;
/// Differences are tried in steps of so many milliseconds, up to so many steps in both directions.
const STEP: i64 = 50;
const STEPS: i64 = 200;
/// The longest time between the two ends of a choice, in milliseconds. With the differences it fits 64 seconds.
const MAX_SPAN: i64 = 10_000;
/// How much better another difference has to fit before the first one, 0, is given up.
const MIN_GAIN: u32 = 3;
/// The longest uncertainty of a difference in milliseconds. Of a longer range of possible ones the smaller are taken.
pub(super) const MAX_SPREAD: i64 = 400;

/// When a node chose, by this client's clock, and what it chooses then if its clock differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Choice {
    /// The times between which it chose, in milliseconds.
    from: i64,
    to: i64,
    peers: usize,
    /// The first second that matters, and for it and those after it a bit that is set if the node chooses a peer.
    first: i64,
    peer_chosen: u64,
}

impl Choice {
    /// Returns the choice of a node from so many peers and itself between two times, which are at most some seconds
    /// apart.
    fn between(from: i64, to: i64, peers: usize) -> Choice {
        let to = to.clamp(from, from + MAX_SPAN);
        let first = (from - STEP * STEPS).div_euclid(1000);
        let last = (to + STEP * STEPS).div_euclid(1000);
        let bits = (first..=last).rev().map(|second| u64::from(chooses_peer(second, peers)));
        let peer_chosen = bits.fold(0, |bits, bit| bits << 1 | bit);
        Choice { from, to, peers, first, peer_chosen }
    }

    /// Returns whether it began at nearly this time, from as many peers.
    fn is_at(&self, from: i64, peers: usize) -> bool {
        self.peers == peers && self.from.div_euclid(ALIKE) == from.div_euclid(ALIKE)
    }

    /// Returns the place of the peer that the node has chosen with this difference between the clocks, if it is certain
    /// that it has chosen one, and which.
    fn peer(&self, offset: i64) -> Option<usize> {
        let second = |at: i64| (at + offset).div_euclid(1000);
        let is_certain = second(self.from) == second(self.to);
        is_certain.then(|| peer_chosen(second(self.from), self.peers)).flatten()
    }

    /// Returns whether, with this difference between the clocks, the node can have chosen a peer, or else itself.
    fn is_possible(&self, passed_on: bool, offset: i64) -> bool {
        let index = |at: i64| (at + offset).div_euclid(1000) - self.first;
        (index(self.from)..=index(self.to)).any(|index| (self.peer_chosen >> index & 1 == 1) == passed_on)
    }
}

/// How much a node's clock is ahead of this client's, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Offset {
    pub(super) by: i64,
    /// How far from that it may be.
    pub(super) spread: i64,
    /// Whether it was learned. Until then it is taken to be 0.
    is_learned: bool,
}

impl Offset {
    /// Returns whether this outcome is possible over the whole range.
    fn fits(self, choice: &Choice, passed_on: bool) -> bool {
        let Offset { by, spread, .. } = self;
        [by - spread, by, by + spread].iter().all(|offset| choice.is_possible(passed_on, *offset))
    }
}

/// The latest outcomes of unicasts for which a node chose between peers and itself.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    passed_on: VecDeque<Choice>,
    lost: VecDeque<Choice>,
    /// Those that were not answered since the last one that was. They count when the next one is: only then is it known
    /// that the subscriber is still there.
    unconfirmed: Vec<Choice>,
    has_gone: bool,
}

impl Outcomes {
    /// Adds a unicast that a peer has answered. Returns the difference between the clocks that fits best.
    pub(super) fn passed_on(&mut self, from: i64, to: i64, peers: usize, former: Offset) -> Offset {
        let mut fits = true;
        if !self.passed_on.iter().rev().take(2).any(|former| former.is_at(from, peers)) {
            let choice = Choice::between(from, to, peers);
            fits &= former.fits(&choice, true);
            push(&mut self.passed_on, choice);
        }
        let confirmed = std::mem::take(&mut self.unconfirmed);
        if !std::mem::take(&mut self.has_gone) {
            for lost in confirmed {
                fits &= former.fits(&lost, false);
                push(&mut self.lost, lost);
            }
        }
        if fits { former } else { self.best(former) }
    }

    /// Adds a unicast that was not answered.
    pub(super) fn lost(&mut self, from: i64, to: i64, peers: usize) {
        if self.has_gone || self.unconfirmed.iter().chain(&self.lost).any(|former| former.is_at(from, peers))
        {
            return;
        }
        self.unconfirmed.push(Choice::between(from, to, peers));
        // They come nearly in the order of time.
        let seconds = self.unconfirmed.chunk_by(|a, b| a.from.div_euclid(1000) == b.from.div_euclid(1000));
        if seconds.count() > MAX_UNCONFIRMED {
            self.unconfirmed.clear();
            self.has_gone = true;
        }
    }

    /// Takes back that a unicast was lost: it was answered after all. Returns the difference between the clocks that fits
    /// best without it.
    pub(super) fn take_back(&mut self, from: i64, peers: usize, former: Offset) -> Offset {
        self.unconfirmed.retain(|lost| !lost.is_at(from, peers));
        let counted = self.lost.len();
        self.lost.retain(|lost| !lost.is_at(from, peers));
        // If a difference was learned, it was perhaps from this one: after a node was stalled, many are late.
        if former.is_learned && self.lost.len() < counted { self.best(Offset::default()) } else { former }
    }

    /// Returns the difference between the clocks that fits best.
    fn best(&self, former: Offset) -> Offset {
        let weight = |offset: i64| self.contradictions(offset);
        let present = weight(former.by);
        if !former.is_learned && present < MIN_GAIN {
            return former;
        }
        let explained = self.lost_with_one_peer(former.by);
        if explained > 0 && present - explained < MIN_GAIN {
            return former;
        }
        let weights: Vec<u32> = (-STEPS..=STEPS).map(|step| weight(step * STEP)).collect();
        let least = weights.iter().copied().min().unwrap_or(present);
        if !former.is_learned && least + MIN_GAIN > present {
            return former;
        }
        let index = |step: i64| usize::try_from(step + STEPS).ok();
        let fits = |step: i64| index(step).and_then(|index| weights.get(index)) == Some(&least);
        // The former difference if it still fits, else the smallest that does.
        let former_step = former.by.div_euclid(STEP);
        let smallest = || (0..=STEPS).flat_map(|step| [step, -step]).find(|step| fits(*step));
        let Some(step) = Some(former_step).filter(|step| former.is_learned && fits(*step)).or_else(smallest)
        else {
            return former;
        };
        let (mut first, mut last) = (step, step);
        while fits(first - 1) {
            first -= 1;
        }
        while fits(last + 1) {
            last += 1;
        }
        let spread = ((last - first) * STEP / 2).min(MAX_SPREAD);
        // From the end that is nearer to no difference.
        let by = if first.abs() <= last.abs() { first * STEP + spread } else { last * STEP - spread };
        Offset { by, spread, is_learned: true }
    }

    /// Returns how strongly the outcomes contradict a difference between the clocks. A unicast may be lost for another
    /// reason, but only a peer answers one.
    fn contradictions(&self, offset: i64) -> u32 {
        let count = |choices: &VecDeque<Choice>, passed_on: bool| {
            let impossible = choices.iter().filter(|choice| !choice.is_possible(passed_on, offset));
            u32::try_from(impossible.count()).unwrap_or(u32::MAX / 4)
        };
        2 * count(&self.passed_on, true) + count(&self.lost, false)
    }

    /// Returns how many of the losses that contradict a difference between the clocks one peer explains, to which all of
    /// them were passed on, and none that was answered in between: that peer is stalled. Where there is only one, the
    /// losses count when it has answered again.
    fn lost_with_one_peer(&self, offset: i64) -> u32 {
        let mut peers: BTreeMap<(usize, usize), Vec<i64>> = BTreeMap::new();
        for lost in self.lost.iter().filter(|lost| lost.peers > 1 && !lost.is_possible(false, offset)) {
            if let Some(peer) = lost.peer(offset) {
                peers.entry((lost.peers, peer)).or_default().push(lost.from);
            }
        }
        let explained = peers.into_iter().filter_map(|((count, peer), times)| {
            let (first, last) = (times.iter().min()?, times.iter().max()?);
            let in_between = |answered: &Choice| {
                (first..=last).contains(&&answered.from)
                    && answered.peers == count
                    && answered.peer(offset) == Some(peer)
            };
            let was_silent = !self.passed_on.iter().any(in_between);
            was_silent.then(|| u32::try_from(times.len()).unwrap_or(u32::MAX))
        });
        explained.max().unwrap_or(0)
    }
}

fn push(kept: &mut VecDeque<Choice>, choice: Choice) {
    if kept.len() == KEPT {
        kept.pop_front();
    }
    kept.push_back(choice);
}
