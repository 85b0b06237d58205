//! Loading of credentials: the sources and formats that are accepted, the errors for others, and that no text shows a key.

mod fixture;
mod loading;
mod reading;
mod secrets;
