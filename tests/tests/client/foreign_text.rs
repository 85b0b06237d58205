//! Text of peers in errors and events: escaped, bounded, and never the text of a handler's failure.

use amop::text::is_unprintable;
use amop::{ErrorKind, Event, Request};

use crate::fixture::{client, event, soon, two_nodes};

/// Begins a line, clears a screen, reverses what follows, separates lines, and is not UTF-8.
const HOSTILE: &[u8] = b"gone\nerror: \x1b[2J\xc2\x9b1m\xe2\x80\xae\xe2\x80\xa8\xff";

#[tokio::test]
async fn subscriber_data_is_escaped_in_error_texts() {
    let devnet = two_nodes().await;
    let (publisher, server) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let answer = async |request: Request| request.fail(-7, request.data().clone()).unwrap();
    let _service = server.serve("t").for_each(answer).await.unwrap();

    let error = soon("the failure", publisher.publish("t", HOSTILE)).await.unwrap_err();
    assert_eq!(error.data(), HOSTILE, "data stays as it came");
    let expected = r#": "gone\nerror: \u{1b}[2J\u{9b}1m\u{202e}\u{2028}\xff""#;
    assert!(error.message().ends_with(expected), "{:?}", error.message());
    assert!(!error.message().chars().any(is_unprintable), "{:?}", error.message());

    let long = vec![b'x'; 100_000];
    let error = soon("the failure", publisher.publish("t", long)).await.unwrap_err();
    assert!(error.message().ends_with("x\"... (100000 bytes)"), "{error}");
    assert!(error.message().len() < 500, "{error}");
}

#[tokio::test]
async fn handler_failure_text_stays_local() {
    let devnet = two_nodes().await;
    let (publisher, server) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let handler = async |request: Request| match &request.data()[..] {
        b"error" => Err("secret of an error"),
        b"panic" => panic!("secret of a panic"),
        _ => Ok(vec![0; 100 << 20]),
    };
    let mut events = server.events();
    let _async = server.serve("async").for_each(handler).await.unwrap();
    let panic = |_: Request| panic!("secret of a blocking panic");
    let _blocking = server.serve("blocking").for_each_blocking(panic).await.unwrap();
    for (topic, data, detail) in [
        ("async", "error", "secret of an error"),
        ("async", "panic", "secret of a panic"),
        ("async", "large", "the message has 104857600 bytes"),
        ("blocking", "", "secret of a blocking panic"),
    ] {
        let error = soon("the failure", publisher.publish(topic, data)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SubscriberFailed, "{error}");
        assert_eq!(error.data(), "the handler failed");
        assert!(!error.message().contains("secret"), "{error}");
        let failed = event(&mut events, "the handler's failure", |event| match event {
            Event::HandlerFailed { topic, message, .. } => Some((topic, message)),
            _ => None,
        });
        let (of, message) = failed.await;
        assert_eq!(&*of, topic);
        assert!(message.starts_with(detail), "{message}");
    }
}
