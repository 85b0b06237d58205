//! Credentials: what loads, what is refused with which text, and that no text shows a key.

mod fixture;
mod loading;
mod reading;
mod secrets;
