//! What an async service handler may return.

use std::fmt::Display;

use bytes::Bytes;

use crate::ErrorKind;
use crate::delivery::Request;
use crate::protocol::result::FAILED_TEXT;

/// What an async service handler may return.
///
/// Data is the reply. An `Err` fails the request: the publisher receives [`Request::FAILED`] with a fixed text, while
/// the text of the error is logged and emitted as [`Event::HandlerFailed`](crate::Event::HandlerFailed). Use
/// [`Request::fail`] to send a code and data of your own. `()` leaves the answer to the [`Request`] handle, of which the
/// handler may keep a clone for later.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the reply of a handler",
    note = "return bytes (`Bytes`, `Vec<u8>`), text (`String`, `&'static str`), a `Result` of these, or `()` after `request.reply(...)`"
)]
pub trait IntoAnswer {
    /// Answers `request`, unless it was answered before. Returns why the handler failed, if it did.
    fn answer(self, request: &Request) -> Option<String>;
}

impl IntoAnswer for () {
    fn answer(self, _request: &Request) -> Option<String> {
        None
    }
}

macro_rules! reply_with {
    ($($data:ty),*) => {$(
        impl IntoAnswer for $data {
            fn answer(self, request: &Request) -> Option<String> {
                reply(request, self.into())
            }
        }
    )*};
}
reply_with!(Bytes, Vec<u8>, String, &'static str, &'static [u8]);

impl<T: IntoAnswer, E: Display> IntoAnswer for Result<T, E> {
    fn answer(self, request: &Request) -> Option<String> {
        match self {
            Ok(data) => data.answer(request),
            Err(error) => {
                // Fails only if the handler has answered itself.
                let _ = request.fail(Request::FAILED, FAILED_TEXT);
                Some(error.to_string())
            }
        }
    }
}

/// Sends a reply. A reply that is too large, say, is a failure of the handler; one that comes too late is not.
fn reply(request: &Request, data: Bytes) -> Option<String> {
    let error = request.reply(data).err()?;
    if matches!(error.kind(), ErrorKind::RequestExpired | ErrorKind::AlreadyAnswered) {
        tracing::warn!(topic = request.topic(), %error, "the reply of a handler was not sent");
        return None;
    }
    let _ = request.fail(Request::FAILED, FAILED_TEXT);
    Some(error.message().to_owned())
}
