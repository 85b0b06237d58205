//! 0x13: heartbeat, in the two forms that depend on the handshake.
//!
//! Protocol 1: the text `0`, answered with `1`. Protocols 2 and 3: `{"heartBeat":0}`, answered with `{"heartBeat":1}`; the
//! node answers any body.

/// Returns the body of a heartbeat at a protocol version.
pub const fn request(protocol: u32) -> &'static [u8] {
    if protocol < 2 { b"0" } else { b"{\"heartBeat\":0}" }
}

/// Returns a node's answer to `body`, `None` if nodes don't answer it. JSON ends with a newline.
pub fn answer(protocol: u32, body: &[u8]) -> Option<&'static [u8]> {
    match protocol {
        0 | 1 => (body == b"0").then_some(b"1"),
        _ => Some(b"{\"heartBeat\":1}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_have_the_documented_bytes() {
        assert_eq!(request(1), b"0");
        assert_eq!(request(2), br#"{"heartBeat":0}"#);
        assert_eq!(request(3), br#"{"heartBeat":0}"#);
        assert_eq!(answer(1, b"0"), Some(&b"1"[..]));
        assert_eq!(answer(1, br#"{"heartBeat":0}"#), None);
        assert_eq!(answer(3, b""), Some(&b"{\"heartBeat\":1}\n"[..]));
    }
}
