//! What an async service handler may give back.

use bytes::Bytes;

use crate::delivery::Request;

/// What an async service handler may give back.
///
/// Data is the reply. A [`Result`]'s error is answered FAILED with its text. `()` leaves the answer to the
/// [`Request`] handle, of which the handler may keep a clone for later.
pub trait IntoAnswer {
    /// Answers `request`, unless that happened already.
    fn answer(self, request: &Request);
}

impl IntoAnswer for () {
    fn answer(self, _request: &Request) {}
}

macro_rules! reply_with {
    ($($data:ty),*) => {$(
        impl IntoAnswer for $data {
            fn answer(self, request: &Request) {
                finish(request, request.reply(self));
            }
        }
    )*};
}
reply_with!(Bytes, Vec<u8>, String, &'static str, &'static [u8]);

impl<T: IntoAnswer, E: std::fmt::Display> IntoAnswer for Result<T, E> {
    fn answer(self, request: &Request) {
        match self {
            Ok(data) => data.answer(request),
            Err(error) => finish(request, request.fail(Request::FAILED, error.to_string())),
        }
    }
}

/// An answer that can't be given is the handler's affair; it finds no caller to be told.
fn finish(request: &Request, outcome: crate::Result<()>) {
    if let Err(error) = outcome {
        tracing::warn!(topic = request.topic(), %error, "a handler's answer was not sent");
        // Too large, say: the publisher shall not wait in vain.
        let _ = request.fail(Request::FAILED, error.message().to_owned());
    }
}
