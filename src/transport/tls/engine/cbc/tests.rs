use std::cell::Cell;

thread_local! {
    /// How often the compression function ran on this thread.
    pub(super) static COMPRESSIONS: Cell<usize> = const { Cell::new(0) };
}
