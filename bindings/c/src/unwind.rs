//! The guards for exports without a status. They stop panics, and disable the cancellation of the thread where it could
//! be noticed. They are separate from `boundary`, because the exports of `error` need them, and `boundary` needs errors.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::cancellation::Uncancelled;

/// Runs the body of an export that returns no status. A panic becomes `fallback`.
macro_rules! guard_or {
    ($fallback:expr, $body:block) => {
        $crate::unwind::catch_or($fallback, || $body)
    };
}
pub(crate) use guard_or;

/// Runs the body of an export that only reads memory, as [`guard_or!`] does. There is no cancellation point in it, so the
/// cancellation of the thread stays as it is: programs call such exports several times for each message.
macro_rules! guard_read {
    ($fallback:expr, $body:block) => {
        $crate::unwind::catch($fallback, || $body)
    };
}
pub(crate) use guard_read;

/// See [`guard_or!`].
pub(crate) fn catch_or<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    let _uncancelled = Uncancelled::new();
    catch(fallback, body)
}

/// See [`guard_read!`].
pub(crate) fn catch<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(fallback)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::resume_unwind;

    #[test]
    fn panic_becomes_the_fallback() {
        assert_eq!(catch_or(7, || resume_unwind(Box::new("unseen"))), 7);
        assert_eq!(catch_or(7, || 8), 8);
    }
}
