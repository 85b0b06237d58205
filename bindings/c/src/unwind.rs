//! The guard for exports without a status. It stops panics and disables the cancellation of the thread. It is separate from `boundary`, because the exports of `error` need it,
//! and `boundary` needs errors.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::cancellation::Uncancelled;

/// Runs the body of an export that returns no status. A panic becomes `fallback`.
macro_rules! guard_or {
    ($fallback:expr, $body:block) => {
        $crate::unwind::catch_or($fallback, || $body)
    };
}
pub(crate) use guard_or;

/// See [`guard_or!`].
pub(crate) fn catch_or<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    let _uncancelled = Uncancelled::new();
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
