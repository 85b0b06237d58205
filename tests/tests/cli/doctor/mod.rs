//! `amop doctor`: each finding is caused by a real server or file, and asserted by its name.

mod channel;
mod credentials;
mod diagnosis;
pub(crate) mod forged_node;
mod generation_3;
mod listeners;
mod openssl;
mod output;
mod tls;
