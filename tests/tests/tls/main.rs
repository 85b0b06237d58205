//! TLS over real sockets: which chains are accepted, which side refuses the others, and the texts of the errors.

mod dialling;
mod fixture;
mod generation_3;
mod hello;
mod openssl;
mod openssl_peers;
mod rsa;
mod secp256k1;
mod static_rsa;
mod version_1;
