//! The errors of attempts to connect: which of them let a node of the other generation be the reason, and what they advise.

use crate::error::{Error, ErrorKind};
use crate::transport::{Generation, Generations, OtherGeneration, Tls};

/// Returns whether a node of the other generation may explain why no session was established: what accepted the connection
/// closed it, answered something else or was silent.
pub(super) fn may_be_other_generation(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Handshake | ErrorKind::ConnectTimeout)
}

/// Returns the error of an endpoint where the attempt with the other generation failed before: the more informative one,
/// with the other.
pub(super) fn with_former(
    generation: Generation,
    error: Error,
    former: Option<(Generation, Error)>,
) -> Error {
    match former {
        Some((former_generation, former)) if error.kind() != ErrorKind::Unsupported => {
            // What answered something says more than silence.
            let is_silent = error.kind() == ErrorKind::ConnectTimeout;
            let (main, (other, why)) = match is_silent {
                true => (former, (generation, error)),
                false => (error, (former_generation, former)),
            };
            let text = format!("{main}; and tried as a node of generation {other}: {why}");
            Error::undelivered(main.kind(), text)
        }
        _ => error,
    }
}

/// Returns the error of a connection that is not established, with the options that may be the cause. `other` is what the
/// attempts show about the generation that was not tried.
pub(super) fn with_advice(generations: Generations, tls: Tls, other: OtherGeneration, error: Error) -> Error {
    if other == OtherGeneration::Excluded || !may_be_other_generation(&error) {
        return error;
    }
    let mut text = error.message().to_owned();
    if generations != Generations::Auto {
        text.push_str(&format!(
            "; this client only tries nodes of generation {generations}.x (its option generation): if the node may be of \
             the other one, leave the option at auto"
        ));
    }
    if tls == Tls::Off {
        text.push_str(
            "; this client uses no TLS (its option tls is off), and a node with TLS closes such connections or does not \
             answer: if the node uses TLS, leave the option at auto and give credentials",
        );
    }
    Error::undelivered(error.kind(), text)
}
