//! The macros with which exports read their arguments. Each names the argument in its errors and justifies why the
//! pointer may be dereferenced. The functions are in `pointer`.

/// Borrows a handle. Fails if it is NULL.
macro_rules! borrow {
    ($handle:ident) => {
        // SAFETY: the header demands that a handle is NULL or was created by this library with the type of the
        // parameter and has not been freed. Handles are never written to while shared.
        unsafe { $crate::pointer::borrow($handle, stringify!($handle)) }
    };
}
pub(crate) use borrow;

/// Borrows a handle that may be NULL.
macro_rules! borrow_optional {
    ($handle:ident) => {
        // SAFETY: as for `borrow!`.
        unsafe { $handle.as_ref() }
    };
}
pub(crate) use borrow_optional;

/// Borrows an options object to change it. Fails if it is NULL.
macro_rules! borrow_mut {
    ($handle:ident) => {
        // SAFETY: as for `borrow!`. The header demands that options are used by one thread at a time.
        unsafe { $crate::pointer::borrow_mut($handle, stringify!($handle)) }
    };
}
pub(crate) use borrow_mut;

/// Borrows a string: UTF-8 with a NUL at the end.
macro_rules! text {
    ($text:ident) => {
        // SAFETY: the header demands that a string is NULL or ends with a NUL and is not changed during the call.
        unsafe { $crate::pointer::text($text, stringify!($text), amop::ErrorKind::InvalidArgument) }
    };
    ($text:ident as topic) => {
        // SAFETY: as above.
        unsafe { $crate::pointer::text($text, stringify!($text), amop::ErrorKind::InvalidTopic) }
    };
}
pub(crate) use text;

/// Copies a payload.
macro_rules! payload {
    ($data:ident, $len:ident) => {
        // SAFETY: the header demands that `len` bytes can be read at `data`, unless it is NULL.
        unsafe { $crate::pointer::payload($data.cast(), $len, stringify!($data)) }
    };
}
pub(crate) use payload;

/// Copies a private key. The copy is erased when it is dropped.
macro_rules! secret {
    ($data:ident, $len:ident) => {
        // SAFETY: as for `payload!`.
        unsafe { $crate::pointer::secret($data.cast(), $len, stringify!($data)) }
    };
}
pub(crate) use secret;

/// Borrows an out-parameter. It is set to zero at once, so that it is defined on every path.
macro_rules! out {
    ($out:ident) => {
        // SAFETY: the header demands that an out-parameter is NULL or can be written to.
        unsafe { $crate::pointer::out($out, stringify!($out)) }
    };
}
pub(crate) use out;

/// Borrows an out-parameter that may be NULL.
macro_rules! out_optional {
    ($out:ident) => {
        // SAFETY: as for `out!`.
        unsafe { $crate::pointer::out_optional($out) }
    };
}
pub(crate) use out_optional;

/// Borrows an array for handles.
macro_rules! places {
    ($places:ident, $max:ident) => {
        // SAFETY: the header demands that `max` pointers can be written to, unless it is NULL.
        unsafe { $crate::pointer::places($places, $max, stringify!($places)) }
    };
}
pub(crate) use places;

/// Frees a handle; NULL is allowed.
macro_rules! free {
    ($handle:ident) => {
        if !$handle.is_null() {
            // SAFETY: the header demands that the handle was created by this library and has not been freed.
            drop(unsafe { Box::from_raw($handle) });
        }
    };
}
pub(crate) use free;

/// Takes a handle that has a `process`, or a field that has one, to free it. Returns `None` for NULL, and in a child
/// process of a fork. There the handle is leaked, because its locks may be held by threads that do not exist in the child.
macro_rules! take {
    ($handle:ident $(. $field:ident)?) => {
        // SAFETY: as for `free!`.
        unsafe { $crate::pointer::take($handle, |handle| handle $(.$field)?.process) }
    };
}
pub(crate) use take;

/// Pairs every variant of an enumeration with its name.
macro_rules! named {
    ($enumeration:ident { $($variant:ident,)* }) => {
        [$((
            $enumeration::$variant,
            match std::ffi::CStr::from_bytes_with_nul(concat!(stringify!($variant), "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => panic!("an identifier contains a NUL"),
            },
        )),*]
    };
}
pub(crate) use named;
