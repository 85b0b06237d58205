//! Exit codes, and the failures that cause them.

use std::io;
use std::ops::RangeInclusive;

/// The outcome of the command. The numbers are part of its stable interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Success.
    Done,
    /// An unexpected failure, or one without a number of its own.
    Internal,
    /// The command line, an endpoint, a topic or a payload is invalid.
    Usage,
    /// Credentials are missing, damaged, out of date or mismatched.
    Credentials,
    /// No connection: unknown name, nothing listening, time-out, or a port that is in use.
    Connect,
    /// TLS or the channel handshake failed on an established connection.
    Refused,
    /// No subscriber was found.
    NoSubscriber,
    /// No answer arrived in time.
    TimedOut,
    /// The subscriber answered with a failure.
    Subscriber,
    /// The connection was lost, or the node or the client was overloaded.
    Lost,
    /// Ctrl-C or SIGTERM came before the work was done.
    Interrupted,
}

/// The list of exit codes for `--help` and the man page.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
    0  success
    1  an unexpected failure
    2  the command line, an endpoint, a topic or a payload is invalid
    3  credentials are missing, damaged, out of date or mismatched
    4  no connection: unknown name, nothing listening, time-out; or a port is in use
    5  connected, but TLS or the channel handshake failed
    6  no subscriber was found
    7  no answer arrived in time
    8  the subscriber answered with a failure
    9  the connection was lost, or the node or the client was overloaded
  130  Ctrl-C or SIGTERM came before the work was done
The first of several failures counts. A closed pipe is not a failure.";

impl Exit {
    /// Returns the exit code of the process.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Internal => 1,
            Exit::Usage => 2,
            Exit::Credentials => 3,
            Exit::Connect => 4,
            Exit::Refused => 5,
            Exit::NoSubscriber => 6,
            Exit::TimedOut => 7,
            Exit::Subscriber => 8,
            Exit::Lost => 9,
            Exit::Interrupted => 130,
        }
    }
}

impl From<&amop::Error> for Exit {
    fn from(error: &amop::Error) -> Exit {
        // The stable numbers form groups, so that a new kind falls into the right one.
        match error.code() {
            1..=19 => Exit::Usage,
            20..=29 => Exit::Credentials,
            30..=32 | LISTEN => Exit::Connect,
            33..=39 => Exit::Refused,
            40..=49 | OVERLOADED | BANDWIDTH => Exit::Lost,
            TIMEOUT | NODE_TIMEOUT => Exit::TimedOut,
            100..=109 => Exit::NoSubscriber,
            code if SUBSCRIBER_CODES.contains(&code) => Exit::Subscriber,
            _ => Exit::Internal,
        }
    }
}

/// The library's codes for failures that a subscriber answered.
pub(crate) const SUBSCRIBER_CODES: RangeInclusive<i32> = 199..=299;

const LISTEN: i32 = amop::ErrorKind::Listen.code();
const TIMEOUT: i32 = amop::ErrorKind::Timeout.code();
const OVERLOADED: i32 = amop::ErrorKind::Overloaded.code();
const NODE_TIMEOUT: i32 = amop::ErrorKind::NodeTimeout.code();
const BANDWIDTH: i32 = amop::ErrorKind::Bandwidth.code();

/// Why the command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The library returned an error.
    Amop(amop::Error),
    /// The command was used wrongly. The text says what to do instead.
    Usage(String),
    /// A file, pipe or thread failed. The text says what was attempted.
    Io(String, io::Error),
    /// The reader of standard output has closed it: the command ends, but this is not a failure.
    ClosedPipe,
    /// Ctrl-C or SIGTERM came while a password was asked for. The person who pressed it needs no text.
    Interrupted,
}

/// The result of a command.
pub(crate) type Outcome<T = Exit> = Result<T, Failure>;

impl Failure {
    /// Creates a failure from an I/O error and what was attempted.
    pub(crate) fn io(what: impl Into<String>, error: io::Error) -> Failure {
        Failure::Io(what.into(), error)
    }

    /// Returns the exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Failure::Amop(error) => Exit::from(error),
            Failure::Usage(_) => Exit::Usage,
            Failure::Io(..) => Exit::Internal,
            Failure::ClosedPipe => Exit::Done,
            Failure::Interrupted => Exit::Interrupted,
        }
    }
}

impl From<amop::Error> for Failure {
    fn from(error: amop::Error) -> Failure {
        Failure::Amop(error)
    }
}

/// Converts I/O errors of writing to standard output or error; all others name what was attempted.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Failure::ClosedPipe
        } else {
            Failure::io("can't write the output", error)
        }
    }
}

#[cfg(test)]
mod tests {
    use amop::ErrorKind as K;

    use super::*;

    #[test]
    fn each_error_kind_has_its_exit_code() {
        let table: &[(Exit, &[K])] = &[
            (Exit::Usage, &[K::InvalidArgument, K::InvalidTopic, K::InvalidEndpoint, K::TooLarge]),
            (
                Exit::Credentials,
                &[
                    K::CredentialsNotFound,
                    K::CredentialsInvalid,
                    K::KeyEncrypted,
                    K::KeyMismatch,
                    K::CertificateDates,
                ],
            ),
            (Exit::Connect, &[K::Resolve, K::Connect, K::ConnectTimeout, K::Listen]),
            (
                Exit::Refused,
                &[K::Tls, K::NodeCertificate, K::ClientCertificate, K::TlsNoCommon, K::Handshake],
            ),
            (Exit::NoSubscriber, &[K::NoSubscriber, K::RemoteNode, K::SubscriberUnreachable, K::OwnNodeOnly]),
            (Exit::TimedOut, &[K::Timeout, K::NodeTimeout]),
            (
                Exit::Subscriber,
                &[
                    K::Remote,
                    K::SubscriberFailed,
                    K::SubscriberDropped,
                    K::SubscriberTooSlow,
                    K::SubscriberBusy,
                    K::SubscriberUnsubscribed,
                ],
            ),
            (Exit::Lost, &[K::NotConnected, K::ConnectionLost, K::Protocol, K::Overloaded, K::Bandwidth]),
            (Exit::Internal, &[K::Cancelled, K::Closed, K::Unsupported, K::Runtime, K::Internal]),
        ];
        for (exit, kinds) in table {
            for kind in *kinds {
                assert_eq!(Exit::from(&amop::Error::undelivered(*kind, "")), *exit, "{kind:?}");
            }
        }
    }

    #[test]
    fn help_lists_every_exit_code() {
        let all = [
            Exit::Done,
            Exit::Internal,
            Exit::Usage,
            Exit::Credentials,
            Exit::Connect,
            Exit::Refused,
            Exit::NoSubscriber,
            Exit::TimedOut,
            Exit::Subscriber,
            Exit::Lost,
            Exit::Interrupted,
        ];
        let listed: Vec<u8> =
            EXIT_CODES.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect();
        assert_eq!(listed, all.map(Exit::code));
    }
}
