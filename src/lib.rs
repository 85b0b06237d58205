//! Client for AMOP, the publish/subscribe messaging of FISCO BCOS chains.
#![forbid(unsafe_code)]

mod error;
#[doc(hidden)]
pub mod protocol;
#[doc(hidden)]
pub mod transport;

pub use error::{Delivery, Error, ErrorKind, Result};
