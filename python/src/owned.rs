//! What belongs to one process: after a fork the child has a copy whose threads don't exist and whose locks may be
//! held for ever, so nothing of it is touched there, not even to free it.

use amop::Process;

/// Something of this process's.
pub(crate) struct Owned<T> {
    process: Process,
    inner: Option<T>,
}

impl<T> Owned<T> {
    pub(crate) fn new(inner: T) -> Owned<T> {
        Owned { process: Process::current(), inner: Some(inner) }
    }

    /// The thing itself.
    ///
    /// # Errors
    /// FORKED in the child of a fork.
    pub(crate) fn get(&self) -> amop::Result<&T> {
        self.process.check()?;
        Ok(self.inner.as_ref().expect("it is taken by `drop` alone"))
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if self.process.check().is_err() {
            std::mem::forget(self.inner.take());
        }
    }
}
