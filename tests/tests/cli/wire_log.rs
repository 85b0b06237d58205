//! `-v`: what happens on the wire, without payloads.

use crate::amop::Place;

#[test]
fn each_frame_is_shown_without_its_payload() {
    let place = Place::with_nodes();
    let server = place.start(&["serve", &place.endpoint(1), "hello"]);
    server.error_line();
    let ended = place.run(&["publish", &place.endpoint(0), "hello", "a-secret", "-v"]);
    assert_eq!((ended.code, ended.stdout), (0, vec!["a-secret".to_owned()]));
    let log = ended.stderr.join("\n");
    for part in [
        "sent Handshake (0x14)",
        "received Handshake (0x14)",
        "sent Request (0x30)",
        r#"topic="hello" body=14 bytes"#,
        "received Response (0x31)",
    ] {
        assert!(log.contains(part), "{part:?} isn't in\n{log}");
    }
    assert!(!log.contains("a-secret"), "{log}");
}
