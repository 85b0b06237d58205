//! TLS over real sockets: what connects, what is refused by whom, and what the error says.

mod fixture;
mod secp256k1;
