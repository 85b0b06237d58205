//! Pointers from C, checked as far as pointers can be. The macros in `macros` call these functions.

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;

use amop::{Error, ErrorKind, Process, Result};
use bytes::Bytes;
use zeroize::Zeroizing;

use crate::argument::invalid_argument;

/// The longest payload that is copied. The core knows the exact limit.
const MAX_PAYLOAD: usize = amop::protocol::channel::frame::MAX_FRAME_LEN;

fn is_null(name: &str) -> Error {
    invalid_argument(format!("`{name}` is NULL"))
}

/// See `borrow!`.
///
/// # Safety
/// `handle` is NULL or a valid handle of this type.
pub(crate) unsafe fn borrow<'a, T>(handle: *const T, name: &str) -> Result<&'a T> {
    // SAFETY: guaranteed by the caller.
    unsafe { handle.as_ref() }.ok_or_else(|| is_null(name))
}

/// See `borrow_mut!`.
///
/// # Safety
/// `handle` is NULL or a valid handle of this type that no other thread uses.
pub(crate) unsafe fn borrow_mut<'a, T>(handle: *mut T, name: &str) -> Result<&'a mut T> {
    // SAFETY: guaranteed by the caller.
    unsafe { handle.as_mut() }.ok_or_else(|| is_null(name))
}

/// See `take!`.
///
/// # Safety
/// `handle` is NULL or a valid handle of this type that is not used by another thread or later.
pub(crate) unsafe fn take<T>(handle: *mut T, process: impl Fn(&T) -> Process) -> Option<Box<T>> {
    if handle.is_null() {
        return None;
    }
    // SAFETY: guaranteed by the caller.
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
    // SAFETY: guaranteed by the caller.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map_err(|error| {
        Error::undelivered(kind, format!("`{name}` is not UTF-8: byte {} is invalid", error.valid_up_to()))
    })
}

/// See `payload!`.
///
/// # Safety
/// `len` bytes can be read at `data`, unless it is NULL.
pub(crate) unsafe fn payload(data: *const u8, len: usize, name: &str) -> Result<Bytes> {
    // SAFETY: guaranteed by the caller.
    unsafe { bytes(data, len, name) }.map(Bytes::copy_from_slice)
}

/// See `secret!`.
///
/// # Safety
/// As for [`payload`].
pub(crate) unsafe fn secret(data: *const u8, len: usize, name: &str) -> Result<Zeroizing<Vec<u8>>> {
    // SAFETY: guaranteed by the caller.
    unsafe { bytes(data, len, name) }.map(|bytes| bytes.to_vec().into())
}

/// Borrows bytes.
///
/// # Safety
/// As for [`payload`].
unsafe fn bytes<'a>(data: *const u8, len: usize, name: &str) -> Result<&'a [u8]> {
    if len == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(invalid_argument(format!("`{name}` is NULL, but its length is {len}")));
    }
    if len > MAX_PAYLOAD {
        return Err(Error::undelivered(
            ErrorKind::TooLarge,
            format!(
                "{len} bytes do not fit in one message: a frame of the protocol has at most {MAX_PAYLOAD}"
            ),
        ));
    }
    // SAFETY: guaranteed by the caller.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

/// An out-parameter.
pub(crate) struct Out<'a, T>(&'a mut T);

impl<T> Out<'_, T> {
    /// Stores a plain value.
    pub(crate) fn set(self, value: T) {
        *self.0 = value;
    }
}

impl<T> Out<'_, *mut T> {
    /// Stores a new handle before `start` begins what may use it on another thread. If `start` fails, stores NULL and
    /// drops the handle.
    pub(crate) fn give_before(self, value: T, start: impl FnOnce() -> Result<()>) -> Result<()> {
        let handle = Box::into_raw(Box::new(value));
        *self.0 = handle;
        start().inspect_err(|_| {
            *self.0 = std::ptr::null_mut();
            // SAFETY: it was made above, and the caller, whose function fails, does not get it.
            drop(unsafe { Box::from_raw(handle) });
        })
    }

    /// Stores a new handle, which the caller owns from then on.
    pub(crate) fn give(self, value: T) {
        *self.0 = Box::into_raw(Box::new(value));
    }
}

/// The value of an out-parameter without a result.
pub(crate) trait Nothing {
    /// NULL or 0; -1 for a descriptor, because 0 is a valid one.
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
/// `out` is NULL or can be written to, and no other thread uses it during the call.
pub(crate) unsafe fn out<'a, T: Nothing>(out: *mut T, name: &str) -> Result<Out<'a, T>> {
    // SAFETY: guaranteed by the caller.
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
    // SAFETY: guaranteed by the caller. It is written first, because it may be uninitialised.
    unsafe {
        out.write(T::NOTHING);
        Some(Out(&mut *out))
    }
}

/// An array for handles that is filled in order.
pub(crate) struct Places<'a, T>(std::slice::IterMut<'a, MaybeUninit<*mut T>>);

impl<T> Places<'_, T> {
    /// Stores a new handle in the next element. The caller owns it from then on.
    pub(crate) fn give(&mut self, value: T) {
        if let Some(place) = self.0.next() {
            place.write(Box::into_raw(Box::new(value)));
        }
    }
}

/// See `places!`.
///
/// # Safety
/// `max` pointers can be written to at `places`, unless it is NULL, and no other thread uses them during the call.
pub(crate) unsafe fn places<'a, T>(places: *mut *mut T, max: usize, name: &str) -> Result<Places<'a, T>> {
    if max == 0 {
        return Err(invalid_argument("`max` is 0: use 1 or more"));
    }
    if places.is_null() {
        return Err(is_null(name));
    }
    if max > isize::MAX as usize / size_of::<*mut T>() {
        return Err(invalid_argument(format!("`{name}` cannot have space for {max} handles")));
    }
    // SAFETY: guaranteed by the caller. The elements may be uninitialised, and the length was checked above.
    Ok(Places(
        unsafe { std::slice::from_raw_parts_mut(places.cast::<MaybeUninit<*mut T>>(), max) }.iter_mut(),
    ))
}
