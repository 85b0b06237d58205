//! Another static library of Rust, with the standard library in it, for a program that links both.
use std::collections::HashMap;
use std::ffi::c_int;

/// Returns what a thread finds in a map, and 1 for a panic that was caught.
#[unsafe(no_mangle)]
pub extern "C" fn other_answer() -> c_int {
    let map = HashMap::from([("forty".to_owned(), 40), ("one".to_owned(), 1)]);
    let sum = std::thread::spawn(move || map.values().sum::<c_int>()).join().unwrap_or_default();
    sum + c_int::from(std::panic::catch_unwind(|| panic!("expected by the test")).is_err())
}
