//! Limits on threads and file descriptors: the command ends with an error that names them, and reconnects once there are
//! threads again.
//!
//! A limit on the number of threads does not hold for root. Here each thread needs 1 GiB of address space, and the
//! limit on that holds for every user.

use std::process::Command;

use amop_tests::program::{Ended, Program};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::amop::Place;

/// The address space of a thread's stack.
const STACK: u64 = 1 << 30;

/// Address space for all else.
const SPARE: u64 = 768 << 20;

impl Place {
    /// Starts `amop` with stacks of [`STACK`].
    fn start_with_large_stacks(&self, shell: &str, arguments: &[&str]) -> Program {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{shell} exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_test-amop")]);
        command.args(arguments).current_dir(self.folder()).env_remove("AMOP_CREDENTIALS");
        // Without an arena for each thread, which takes address space as well.
        command.env("RUST_MIN_STACK", STACK.to_string()).env("MALLOC_ARENA_MAX", "1");
        Program::spawn(command, b"")
    }

    fn broadcast_with_threads(&self, threads: u64) -> Ended {
        let limit = format!("ulimit -v {};", (SPARE + threads * STACK) >> 10);
        let endpoint = self.endpoint(0).replace("127.0.0.1", "localhost");
        self.start_with_large_stacks(&limit, &["broadcast", &endpoint, "hello", "hi", "--json"]).end()
    }
}

#[test]
fn command_without_enough_threads_ends_with_an_error() {
    let place = Place::with_nodes();
    let mut failed = 0;
    for threads in 0..=8 {
        let Ended { code, stdout, stderr } = place.broadcast_with_threads(threads);
        assert_eq!(stderr, Vec::<String>::new(), "with {threads} threads");
        if code != 0 {
            let error = stdout.last().expect("the error is printed");
            assert!(error.contains("\"code\":304") && error.contains("RLIMIT_NPROC"), "{threads}: {error}");
            assert_eq!((code, failed), (1, threads), "more threads are enough if fewer are");
            failed += 1;
        }
    }
    assert!((3..=7).contains(&failed), "{failed} threads are not enough");
}

#[test]
fn command_without_enough_descriptors_ends_with_an_error() {
    let place = Place::with_nodes();
    let arguments = ["broadcast", &place.endpoint(0), "hello", "hi", "--json"];
    // Fewer than 4 are not enough for the shared libraries of the process.
    for limit in 4..=40 {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\"")]);
        command.arg(env!("CARGO_BIN_EXE_test-amop")).args(arguments);
        command.current_dir(place.folder()).env_remove("AMOP_CREDENTIALS");
        let Ended { code, stdout, stderr } = Program::spawn(command, b"").end();
        assert_eq!(stderr, Vec::<String>::new(), "with {limit} descriptors");
        let last = stdout.last().expect("something is printed");
        match code {
            0 => assert!(last.contains(r#""event":"sent""#), "{limit}: {last}"),
            1 => assert!(last.contains("\"code\":304") && last.contains("ulimit -n"), "{limit}: {last}"),
            other => panic!("exit code {other} with {limit} descriptors: {last}"),
        }
    }
}

#[test]
fn link_to_a_host_name_survives_refused_threads() {
    let place = Place::with_nodes();
    let endpoint = place.endpoint(0).replace("127.0.0.1", "localhost");
    let arguments = ["subscribe", &endpoint, "hello", "--count", "1", "--json"];
    let subscriber = place.start_with_large_stacks("", &arguments);
    assert!(subscriber.line().contains(r#""event":"subscribed""#));
    let limit_address_space = |current| {
        prlimit(Some(subscriber.pid()), Resource::As, Rlimit { current, maximum: None }).unwrap();
    };
    limit_address_space(Some(address_space(subscriber.pid()) + SPARE));
    place.kill(0);
    while !subscriber.line().contains("RLIMIT_NPROC") {}
    limit_address_space(None);
    place.restart(0);
    while !subscriber.line().contains(r#""event":"reconnected""#) {}
    assert_eq!(place.run(&["publish", &place.endpoint(0), "hello", "hi"]).code, 0);
    assert!(subscriber.line().contains(r#""data":"hi""#));
    assert_eq!(subscriber.end().code, 0);
}

/// Returns the size of a process's address space.
fn address_space(pid: Pid) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
}
