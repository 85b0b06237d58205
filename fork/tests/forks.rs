//! Forks of this process by each system call that makes one.
#![cfg(target_os = "linux")]

use std::sync::Barrier;

use amop_fork::Process;

/// Runs `check` in a child that `fork` makes, and returns whether it returned true there. `check` must not allocate.
fn in_child(fork: impl Fn() -> libc::pid_t, check: impl Fn() -> bool) -> bool {
    let child = fork();
    assert!(child >= 0, "the process can be forked");
    if child == 0 {
        // SAFETY: ends the child without running anything else.
        unsafe { libc::_exit(i32::from(!check())) };
    }
    let mut status = -1;
    // SAFETY: `status` is valid for the call.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
}

fn fork() -> libc::pid_t {
    // SAFETY: the children of these tests call only what is allowed after a fork.
    unsafe { libc::fork() }
}

/// Forks without the C library, whose handlers of pthread_atfork do not run.
fn raw_clone() -> libc::pid_t {
    // SAFETY: as for `fork`. Without CLONE_VM and a stack of its own, the child continues on a copy of this stack.
    let child = unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) };
    libc::pid_t::try_from(child).expect("a process id")
}

#[test]
fn child_of_each_kind_of_fork_is_another_process() {
    let parent = Process::current();
    for fork in [fork, raw_clone] {
        assert!(in_child(fork, || {
            let child = Process::current();
            child != parent && child == Process::current() && child != Process::NONE
        }));
        assert_eq!(Process::current(), parent, "the parent stays the same");
    }
}

#[test]
fn grandchild_differs_from_all_its_ancestors() {
    let parent = Process::current();
    assert!(in_child(fork, || {
        let child = Process::current();
        in_child(raw_clone, || ![parent, child].contains(&Process::current())) && child == Process::current()
    }));
    // The child did not ask for its number before it was forked itself.
    assert!(in_child(fork, || in_child(fork, || Process::current() != parent)));
}

#[test]
fn child_that_shares_the_memory_of_its_parent_is_the_same_process() {
    let parent = Process::current();
    let flags = libc::SIGCHLD | libc::CLONE_VM | libc::CLONE_VFORK;
    extern "C" fn child(parent: *mut libc::c_void) -> libc::c_int {
        // SAFETY: the parent waits with its value on the stack until this returns.
        i32::from(unsafe { *parent.cast::<Process>() } != Process::current())
    }
    let mut stack = vec![0u8; 1 << 16];
    // SAFETY: the stack is the child's alone, and the parent waits because of CLONE_VFORK.
    let pid = unsafe {
        let top = stack.as_mut_ptr().add(stack.len()).map_addr(|at| at & !15);
        libc::clone(child, top.cast(), flags, (&raw const parent).cast_mut().cast())
    };
    let mut status = -1;
    // SAFETY: `status` is valid for the call.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0);
}

#[test]
fn threads_that_ask_at_once_get_one_number() {
    let barrier = Barrier::new(8);
    let numbers: Vec<Process> = std::thread::scope(|scope| {
        let ask = || {
            barrier.wait();
            Process::current()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(numbers.iter().all(|number| *number == Process::current()));
}
