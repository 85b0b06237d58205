//! Pointers from C, checked as far as a pointer can be: what the macros of `boundary` do.

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;

use amop::{Error, ErrorKind, Process, Result};
use bytes::Bytes;

use crate::boundary::unusable;

/// The longest payload that is looked at at all; the core knows the exact bound.
const MAX_PAYLOAD: usize = amop::protocol::channel::frame::MAX_FRAME_LEN;

fn is_null(name: &str) -> Error {
    unusable(format!("`{name}` is NULL"))
}

/// See `borrow!`.
///
/// # Safety
/// `handle` is NULL or a living handle of this type.
pub(crate) unsafe fn borrow<'a, T>(handle: *const T, name: &str) -> Result<&'a T> {
    // SAFETY: the caller's.
    unsafe { handle.as_ref() }.ok_or_else(|| is_null(name))
}

/// See `borrow_mut!`.
///
/// # Safety
/// `handle` is NULL or a living handle of this type that nobody else uses.
pub(crate) unsafe fn borrow_mut<'a, T>(handle: *mut T, name: &str) -> Result<&'a mut T> {
    // SAFETY: the caller's.
    unsafe { handle.as_mut() }.ok_or_else(|| is_null(name))
}

/// See `take!`.
///
/// # Safety
/// `handle` is NULL or a living handle of this type that nobody else uses, now or later.
pub(crate) unsafe fn take<T>(handle: *mut T, process: impl Fn(&T) -> Process) -> Option<Box<T>> {
    if handle.is_null() {
        return None;
    }
    // SAFETY: the caller's.
    let handle = unsafe { Box::from_raw(handle) };
    if process(&handle).check().is_err() {
        std::mem::forget(handle);
        return None;
    }
    Some(handle)
}

/// See `text!`.
///
/// # Safety
/// `text` is NULL or ends with a NUL.
pub(crate) unsafe fn text<'a>(text: *const c_char, name: &str, kind: ErrorKind) -> Result<&'a str> {
    if text.is_null() {
        return Err(is_null(name));
    }
    // SAFETY: the caller's.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map_err(|error| {
        Error::undelivered(kind, format!("`{name}` isn't UTF-8: byte {} is wrong", error.valid_up_to()))
    })
}

/// See `payload!`.
///
/// # Safety
/// `len` bytes can be read at `data`, unless it's NULL.
pub(crate) unsafe fn payload(data: *const u8, len: usize, name: &str) -> Result<Bytes> {
    if len == 0 {
        return Ok(Bytes::new());
    }
    if data.is_null() {
        return Err(unusable(format!("`{name}` is NULL, but its length is {len}")));
    }
    if len > MAX_PAYLOAD {
        return Err(Error::undelivered(
            ErrorKind::TooLarge,
            format!("{len} bytes don't fit one message; a frame of the protocol ends at {MAX_PAYLOAD}"),
        ));
    }
    // SAFETY: the caller's.
    Ok(Bytes::copy_from_slice(unsafe { std::slice::from_raw_parts(data, len) }))
}

/// A place for a result.
pub(crate) struct Out<'a, T>(&'a mut T);

impl<T> Out<'_, T> {
    /// Puts a plain value there.
    pub(crate) fn set(self, value: T) {
        *self.0 = value;
    }
}

impl<T> Out<'_, *mut T> {
    /// Puts a new handle there; it is the caller's from then on.
    pub(crate) fn give(self, value: T) {
        *self.0 = Box::into_raw(Box::new(value));
    }
}

/// What an out-parameter holds when there is no result.
pub(crate) trait Nothing {
    /// NULL, or 0; of a descriptor, where 0 would be one, -1.
    const NOTHING: Self;
}

impl<T> Nothing for *mut T {
    const NOTHING: *mut T = std::ptr::null_mut();
}
impl Nothing for u64 {
    const NOTHING: u64 = 0;
}
impl Nothing for usize {
    const NOTHING: usize = 0;
}
impl Nothing for i32 {
    const NOTHING: i32 = -1;
}

/// See `out!`.
///
/// # Safety
/// `out` is NULL or can be written to, by nobody else meanwhile.
pub(crate) unsafe fn out<'a, T: Nothing>(out: *mut T, name: &str) -> Result<Out<'a, T>> {
    // SAFETY: the caller's.
    unsafe { out_optional(out) }.ok_or_else(|| is_null(name))
}

/// See `out_optional!`.
///
/// # Safety
/// As for [`out`].
pub(crate) unsafe fn out_optional<'a, T: Nothing>(out: *mut T) -> Option<Out<'a, T>> {
    if out.is_null() {
        return None;
    }
    // SAFETY: the caller's; written first, as it may be uninitialised.
    unsafe {
        out.write(T::NOTHING);
        Some(Out(&mut *out))
    }
}

/// Places for handles, filled one after the other.
pub(crate) struct Places<'a, T>(std::slice::IterMut<'a, MaybeUninit<*mut T>>);

impl<T> Places<'_, T> {
    /// Puts a new handle into the next place; it is the caller's from then on.
    pub(crate) fn give(&mut self, value: T) {
        if let Some(place) = self.0.next() {
            place.write(Box::into_raw(Box::new(value)));
        }
    }
}

/// See `places!`.
///
/// # Safety
/// `max` pointers can be written to at `places`, unless it's NULL, by nobody else meanwhile.
pub(crate) unsafe fn places<'a, T>(places: *mut *mut T, max: usize, name: &str) -> Result<Places<'a, T>> {
    if places.is_null() {
        return Err(is_null(name));
    }
    if max > isize::MAX as usize / size_of::<*mut T>() {
        return Err(unusable(format!("`{name}` can't have room for {max} handles")));
    }
    // SAFETY: the caller's; they may be uninitialised, and the length was just checked.
    Ok(Places(
        unsafe { std::slice::from_raw_parts_mut(places.cast::<MaybeUninit<*mut T>>(), max) }.iter_mut(),
    ))
}
