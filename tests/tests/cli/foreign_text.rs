//! Text of peers on the command's output: escaped, one line where one is meant, and each text once.

use amop::text::is_unprintable;
use amop::{Client, Request};

use crate::amop::Place;

/// Clears a screen in two ways, reverses what follows, separates lines.
const HOSTILE: &str = "gone\x1b[2J\u{9b}2J\u{202e}\u{2028}end";
const SHOWN: &str = r"gone\u{1b}[2J\u{9b}2J\u{202e}\u{2028}end";

/// Runs `act` with a client that is connected to the second node.
fn with_peer<T>(place: &Place, act: impl AsyncFnOnce(Client) -> T) -> T {
    place.devnet().handle().block_on(async {
        let credentials = place.devnet().credentials_dir().unwrap();
        let client = Client::builder().endpoint(place.endpoint(1)).credentials(credentials);
        act(client.connect().await.unwrap()).await
    })
}

fn assert_printable(lines: &[String]) {
    assert!(!lines.concat().chars().any(is_unprintable), "{lines:?}");
}

#[test]
fn error_line_shows_subscriber_data_once_and_escaped() {
    let place = Place::with_nodes();
    let answer = async |request: Request| request.fail(-7, request.data().clone()).unwrap();
    let _service = with_peer(&place, async |client| client.serve("t").for_each(answer).await.unwrap());
    let data = format!("{HOSTILE}\nerror: forged");
    let ended = place.run(&["publish", &place.endpoint(0), "t", &data]);
    let quoted = format!(r#""{SHOWN}\nerror: forged""#);
    assert_eq!(
        ended.stderr,
        [format!(r#"error: the subscriber of "t" answered the error code -7: {quoted}"#)]
    );
    let ended = place.run(&["publish", &place.endpoint(0), "t", &data, "--json"]);
    assert_printable(&ended.stdout);
    let error: serde_json::Value = serde_json::from_str(&ended.stdout[0]).unwrap();
    assert_eq!(error["data"]["data"], data);
}

#[test]
fn payloads_are_escaped_unless_raw_is_asked_for() {
    let place = Place::with_nodes();
    let answer = async |request: Request| request.data().clone();
    let service =
        with_peer(&place, async |client| (client.serve("t").for_each(answer).await.unwrap(), client));
    let publish = |more: &[&str]| {
        let endpoint = place.endpoint(0);
        place.run(&[&["publish", &endpoint, "t", HOSTILE], more].concat()).stdout
    };
    assert_eq!(publish(&[]), [SHOWN]);
    assert_eq!(publish(&["--raw"]), [HOSTILE]);
    let json = publish(&["--json"]);
    assert_printable(&json);
    assert!(json[0].contains(r#""data":"gone\u001b[2J\u009b2J\u202e\u2028end""#), "{json:?}");

    let subscriber = place.start(&["subscribe", &place.endpoint(0), "news", "--count", "1"]);
    subscriber.error_line();
    let client = service.1;
    place.devnet().handle().block_on(async { client.publish("news", HOSTILE).await.unwrap() });
    let line = subscriber.line();
    assert!(line.ends_with(&format!("unicast   {SHOWN}")), "{line:?}");
}

#[test]
fn stats_escape_topics_of_other_clients() {
    let place = Place::with_nodes();
    let _topic = with_peer(&place, async |client| client.subscribe(HOSTILE).await.unwrap());
    let topic = |ended: Vec<String>| {
        assert_printable(&ended);
        ended.concat()
    };
    let shown = topic(place.run(&["stats", &place.endpoint(1)]).stdout);
    assert!(shown.contains(SHOWN), "{shown:?}");
    let json: serde_json::Value =
        serde_json::from_str(&topic(place.run(&["stats", &place.endpoint(1), "--json"]).stdout)).unwrap();
    assert_eq!(json["topics"][0], HOSTILE);
}
