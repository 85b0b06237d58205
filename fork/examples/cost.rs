//! Prints the time of a check by each of the ways to notice a fork: `cargo run --release -p amop-fork --example cost`.

use std::hint::black_box;
use std::time::Instant;

const CHECKS: u32 = 10_000_000;

fn measured(name: &str, mut check: impl FnMut()) {
    let began = Instant::now();
    (0..CHECKS).for_each(|_| check());
    println!("{name:<28} {:>7.2} ns", began.elapsed().as_secs_f64() * 1e9 / f64::from(CHECKS));
}

fn main() {
    measured("a page that a fork clears", || _ = black_box(amop_fork::Process::current()));
    // What a handler of pthread_atfork would count is a static variable.
    static FORKS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    measured("a counter of pthread_atfork", || {
        _ = black_box(black_box(&FORKS).load(std::sync::atomic::Ordering::Relaxed));
    });
    measured("getpid", || _ = black_box(std::process::id()));
}
