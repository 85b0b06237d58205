//! `amop doctor`: each finding is brought about for real, and asserted by its name.

mod channel;
mod credentials;
mod diagnosis;
mod forged_node;
mod listeners;
mod openssl;
mod output;
mod tls;
