use super::runs::peer_chosen;
use super::*;

const GUARD: Duration = Duration::from_millis(50);
/// Of the seconds from here on, with one peer: three good, four bad, one good, two bad, nine good.
const BASE: i64 = 1_795_973_427_000;

fn at(ms: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis((BASE + ms).unsigned_abs())
}

fn passage(clock: &NodeClock, ms: i64) -> (u128, u128) {
    let Passage { wait, lasts } = clock.passage(at(ms), 1, GUARD).unwrap();
    (wait.as_millis(), lasts.unwrap().as_millis())
}

#[test]
fn passage_begins_and_ends_a_guard_inside_good_seconds() {
    let clock = NodeClock::default();
    let waits = [50, 1500, 2949, 2951, 3000, 5500, 6999, 7049, 7050, 7951, 9999];
    let found = waits.map(|ms| passage(&clock, ms));
    assert_eq!(found.map(|(wait, _)| wait), [0, 0, 0, 4099, 4050, 1550, 51, 1, 0, 2099, 51]);
    let lasts = [2900, 1450, 1, 900, 900, 900, 900, 900, 900];
    assert_eq!(found.map(|(_, lasts)| lasts)[..9], lasts);
}

#[test]
fn node_without_peers_never_passes_on() {
    assert_eq!(NodeClock::default().passage(at(0), 0, GUARD), None);
}

#[test]
fn long_guard_leaves_a_time_in_each_good_second() {
    let found = NodeClock::default().passage(at(6000), 1, Duration::from_secs(9)).unwrap();
    assert_eq!((found.wait.as_millis(), found.lasts.unwrap().as_millis()), (1450, 100));
}

#[test]
fn extreme_times_are_no_error() {
    let clock = NodeClock::default();
    let far = Duration::from_secs(i64::MAX as u64 / 2);
    for now in [SystemTime::UNIX_EPOCH + far, SystemTime::UNIX_EPOCH - far, SystemTime::UNIX_EPOCH] {
        assert!(clock.passage(now, 1, Duration::MAX).is_some());
        clock.was_lost(NodeChoice { sent: now, peers: usize::MAX }, Duration::MAX);
        clock.was_passed_on(NodeChoice { sent: now, peers: usize::MAX }, at(0), Duration::ZERO);
    }
}

/// A node whose clock is ahead, and a client that sends it a unicast every 70 ms if it expects that it passes it on.
struct Scene {
    clock: NodeClock,
    ahead: i64,
    now: i64,
    peers: usize,
    /// The place of a peer that answers nothing.
    stalled: Option<usize>,
}

impl Scene {
    fn new(ahead: i64, peers: usize) -> Scene {
        Scene { clock: NodeClock::default(), ahead, now: 500, peers, stalled: None }
    }

    /// Returns how many of so many unicasts are lost. Each takes 3 ms to the node and 3 ms back.
    fn lost_of(&mut self, count: usize) -> usize {
        let mut lost = 0;
        for _ in 0..count {
            self.now += 70;
            let passage = self.clock.passage(at(self.now), self.peers, GUARD).unwrap();
            self.now += passage.wait.as_millis() as i64;
            let choice = NodeChoice { sent: at(self.now), peers: self.peers };
            let chosen = peer_chosen((BASE + self.now + 3 + self.ahead).div_euclid(1000), self.peers);
            if chosen.is_some() && chosen != self.stalled {
                self.clock.was_passed_on(choice, at(self.now + 6), Duration::from_millis(6));
            } else {
                self.clock.was_lost(choice, GUARD);
                // What a stalled peer gets is not sent in a wrong second.
                lost += usize::from(chosen.is_none());
            }
        }
        lost
    }

    fn offset(&self) -> Offset {
        self.clock.state().offset
    }
}

#[test]
fn difference_of_clocks_is_learned_from_outcomes() {
    for ahead in [0, 400, 450, -1300, 2000, -7400] {
        for peers in [1, 2, 5] {
            let mut scene = Scene::new(ahead, peers);
            let first = scene.lost_of(600);
            let then = scene.lost_of(600);
            let learned = scene.offset();
            println!("{ahead} ms, {peers} peers: {first} lost at first, then {then}, {learned:?}");
            assert!(
                first < 80 && then == 0,
                "{ahead} ms, {peers} peers: {first} lost, then {then}, {learned:?}"
            );
        }
    }
}

#[test]
fn losses_without_an_answer_between_them_do_not_change_the_clock() {
    let mut scene = Scene::new(0, 1);
    assert_eq!(scene.lost_of(100), 0);
    // The subscriber hangs for a minute.
    for _ in 0..60 {
        scene.now += 1000;
        scene.clock.was_lost(NodeChoice { sent: at(scene.now), peers: 1 }, GUARD);
    }
    assert_eq!((scene.lost_of(1000), scene.offset()), (0, Offset::default()));
}

#[test]
fn few_losses_do_not_change_a_confirmed_clock() {
    let mut scene = Scene::new(0, 1);
    assert_eq!(scene.lost_of(300), 0);
    for _ in 0..3 {
        // In the middle of a second in which the node passes on.
        while scene.lost_of(1) > 0 || !(200..800).contains(&scene.now.rem_euclid(1000)) {}
        scene.clock.was_lost(NodeChoice { sent: at(scene.now), peers: 1 }, GUARD);
    }
    assert_eq!((scene.lost_of(1000), scene.offset()), (0, Offset::default()));
}

#[test]
fn late_answer_shows_nothing_about_the_clock() {
    let clock = NodeClock::default();
    // Bad seconds, after which the node tries its peer.
    for ms in [3500, 4500, 5500, 6500] {
        let choice = NodeChoice { sent: at(ms), peers: 1 };
        clock.was_lost(choice, GUARD);
        clock.was_late(choice);
        clock.was_passed_on(choice, at(ms + 2000), Duration::from_secs(2));
    }
    assert_eq!(clock.state().offset, Offset::default());
    for ms in [3500, 4500] {
        clock.was_passed_on(NodeChoice { sent: at(ms), peers: 1 }, at(ms), Duration::from_millis(2));
    }
    assert_ne!(clock.state().offset.by, 0, "a prompt answer does");
}

#[test]
fn losses_that_turn_out_to_be_late_answers_leave_the_clock_unchanged() {
    let mut scene = Scene::new(0, 1);
    assert_eq!(scene.lost_of(3), 0);
    // A peer is stalled: nothing that is passed on to it is answered until it goes on.
    let mut late = Vec::new();
    while late.len() < 40 {
        scene.now += 70;
        let passage = scene.clock.passage(at(scene.now), 1, GUARD).unwrap();
        scene.now += passage.wait.as_millis() as i64;
        let choice = NodeChoice { sent: at(scene.now), peers: 1 };
        scene.clock.was_lost(choice, GUARD);
        late.push(choice);
    }
    // A new unicast is answered before those that waited.
    assert_eq!(scene.lost_of(1), 0);
    assert_ne!(scene.offset(), Offset::default(), "until the late answers come");
    for choice in late {
        scene.clock.was_late(choice);
    }
    assert_eq!((scene.lost_of(1000), scene.offset()), (0, Offset::default()));
}

#[test]
fn stalled_peer_leaves_the_clock_unchanged() {
    for (peers, stalled) in [(2, 0), (2, 1), (3, 0), (5, 3)] {
        for before in [0, 3, 100] {
            let mut scene = Scene::new(0, peers);
            assert_eq!(scene.lost_of(before), 0);
            scene.stalled = Some(stalled);
            assert_eq!(scene.lost_of(600), 0, "peer {stalled} of {peers}, {before} before");
            scene.stalled = None;
            assert_eq!((scene.lost_of(1000), scene.offset()), (0, Offset::default()));
        }
    }
}
