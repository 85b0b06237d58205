//! Values of one process. After a fork the child has copies whose threads do not exist and whose locks may be held
//! without end, so that they must not be used there, not even to free them.

use amop::Process;

/// A value of the process that created it.
pub(crate) struct Owned<T> {
    process: Process,
    inner: Option<T>,
}

impl<T> Owned<T> {
    pub(crate) fn new(inner: T) -> Owned<T> {
        Owned { process: Process::current(), inner: Some(inner) }
    }

    /// Returns the value.
    ///
    /// # Errors
    /// Returns FORKED in a child process of a fork.
    pub(crate) fn get(&self) -> amop::Result<&T> {
        self.process.check()?;
        Ok(self.inner.as_ref().expect("only `drop` takes it"))
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if self.process.check().is_err() {
            std::mem::forget(self.inner.take());
        }
    }
}
