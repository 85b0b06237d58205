//! TLS over real sockets: what connects, what is refused by whom, and what the error says.

mod dialling;
mod fixture;
mod hello;
mod openssl;
mod openssl_peers;
mod rsa;
mod secp256k1;
mod version_1;
