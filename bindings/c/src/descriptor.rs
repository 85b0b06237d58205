//! The file descriptor of a handle, which is readable while there is something to read.
//!
//! A program must not read from it or close it. If it does so nevertheless, no function of the library waits for the
//! descriptor and no signal is raised: all operations are non-blocking, and their failures are logged.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::io::Errno;

/// An eventfd; where there is none, a pipe.
pub(crate) struct Descriptor {
    channel: Channel,
    raised: bool,
}

impl Descriptor {
    pub(crate) fn new() -> Result<Descriptor, Errno> {
        Ok(Descriptor { channel: Channel::new()?, raised: false })
    }

    /// Returns the number of the descriptor that the program watches.
    pub(crate) fn number(&self) -> i32 {
        self.channel.watched().as_raw_fd()
    }

    /// Makes it readable, unless that has been done.
    pub(crate) fn raise(&mut self) {
        if !self.raised {
            self.raise_again();
        }
    }

    /// Makes it readable, also if the program has read from it.
    pub(crate) fn raise_again(&mut self) {
        self.raised = true;
        report(self.channel.write());
    }

    /// Makes it unreadable.
    pub(crate) fn lower(&mut self) {
        if std::mem::replace(&mut self.raised, false) {
            report(self.channel.read());
        }
    }
}

/// Logs a failure. A descriptor that is full or empty is in the requested state.
fn report(outcome: Result<(), Errno>) {
    if let Err(error) = outcome
        && error != Errno::AGAIN
    {
        tracing::error!(%error, "the program closed or used a file descriptor of the library");
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
struct Channel(OwnedFd);

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
impl Channel {
    fn new() -> Result<Channel, Errno> {
        use rustix::event::{EventfdFlags, eventfd};

        eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map(Channel)
    }

    fn watched(&self) -> &OwnedFd {
        &self.0
    }

    fn write(&self) -> Result<(), Errno> {
        rustix::io::write(&self.0, &1_u64.to_ne_bytes()).map(drop)
    }

    fn read(&self) -> Result<(), Errno> {
        rustix::io::read(&self.0, &mut [0; 8]).map(drop)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
struct Channel {
    watched: OwnedFd,
    writer: OwnedFd,
    /// Keeps the pipe open if the program closes the watched descriptor, since writing would raise SIGPIPE then.
    reader: OwnedFd,
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
impl Channel {
    fn new() -> Result<Channel, Errno> {
        let (reader, writer) = rustix::pipe::pipe()?;
        for end in [&reader, &writer] {
            rustix::io::fcntl_setfd(end, rustix::io::FdFlags::CLOEXEC)?;
            rustix::io::ioctl_fionbio(end, true)?;
        }
        Ok(Channel { watched: rustix::io::fcntl_dupfd_cloexec(&reader, 0)?, writer, reader })
    }

    fn watched(&self) -> &OwnedFd {
        &self.watched
    }

    fn write(&self) -> Result<(), Errno> {
        rustix::io::write(&self.writer, &[1]).map(drop)
    }

    /// Reads all bytes, because each raise has written one.
    fn read(&self) -> Result<(), Errno> {
        while rustix::io::read(&self.reader, &mut [0; 64])? == 64 {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    fn is_readable(descriptor: &Descriptor) -> bool {
        let mut watched = [PollFd::new(descriptor.channel.watched(), PollFlags::IN)];
        poll(&mut watched, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 1
    }

    #[test]
    fn descriptor_is_readable_while_it_is_raised() {
        let mut descriptor = Descriptor::new().unwrap();
        assert!(!is_readable(&descriptor));
        for _ in 0..2 {
            descriptor.raise();
            descriptor.raise();
            descriptor.raise_again();
            assert!(is_readable(&descriptor));
            descriptor.lower();
            descriptor.lower();
            assert!(!is_readable(&descriptor));
        }
    }

    #[test]
    fn descriptor_that_the_program_has_read_never_blocks() {
        let mut descriptor = Descriptor::new().unwrap();
        descriptor.raise();
        rustix::io::read(descriptor.channel.watched(), &mut [0; 8]).unwrap();
        descriptor.raise_again();
        assert!(is_readable(&descriptor));
        rustix::io::read(descriptor.channel.watched(), &mut [0; 8]).unwrap();
        descriptor.lower();
        descriptor.raise();
        assert!(is_readable(&descriptor));
    }
}
