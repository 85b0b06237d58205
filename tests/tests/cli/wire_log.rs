//! `-v`: logs frames without payloads.

use crate::amop::Place;

#[test]
fn verbose_log_shows_frames_without_payloads() {
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

    // The option may be given twice.
    let twice = place.run(&["publish", &place.endpoint(0), "hello", "a-secret", "-vv"]).stderr.join("\n");
    assert!(twice.contains("sent Request (0x30)") && !twice.contains("a-secret"), "{twice}");
}

#[test]
fn verbose_log_shows_frames_of_stats_and_doctor() {
    let place = Place::with_nodes();
    for verb in ["doctor", "stats"] {
        let ended = place.run(&[verb, &place.endpoint(0), "-v"]);
        assert_eq!(ended.code, 0, "{ended:?}");
        let log = ended.stderr.join("\n");
        assert!(log.contains("sent Heartbeat") && log.contains("received Rpc"), "{log}");
    }
}
