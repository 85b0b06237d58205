//! `amop stats`: what a node reports about itself.

use amop::Tls;
use amop_devnet::{Devnet, Generation};
use serde_json::Value;

use crate::amop::{Place, all_masked, with_patience};

#[test]
fn stats_show_topics_and_peers() {
    let place = Place::with_nodes();
    let subscribers = [(0, "here"), (1, "there")].map(|(node, topic)| {
        let subscriber = place.start(&["subscribe", &place.endpoint(node), topic]);
        subscriber.error_line();
        subscriber
    });
    let (endpoint, peer) = (place.endpoint(0), place.endpoint(1));
    let short = |node: usize| place.node(node).id()[..8].to_owned();
    let ended = place.run(&["stats", &endpoint]);
    assert_eq!((ended.code, ended.stderr), (0, vec![]));
    let ids = [short(0), short(1)];
    let shown = all_masked(&ended.stdout).join("\n").replace(&ids[0], "ID0").replace(&ids[1], "ID1");
    let expected = "\
NODE node ID0, agency agency, version 2.7.2, protocol 3, tls ecdhe
  heartbeat  min SPAN, p50 SPAN, p90 SPAN, p99 SPAN, max SPAN
  topics     here
  peer       NODE node ID1, agency agency
    topics   there";
    assert_eq!(shown, expected);

    let ended = place.run(&["stats", &endpoint, "--json"]);
    let stats: Value = serde_json::from_str(&ended.stdout[0]).unwrap();
    assert_eq!((&stats["event"], &stats["endpoint"]), (&"stats".into(), &endpoint.as_str().into()));
    assert_eq!((&stats["node_version"], &stats["protocol"]), (&"2.7.2".into(), &3.into()));
    assert_eq!((&stats["node_id"], &stats["topics"]), (&place.node(0).id().into(), &vec!["here"].into()));
    let other = &stats["peers"][0];
    assert_eq!((&other["address"], &other["topics"]), (&peer.as_str().into(), &vec!["there"].into()));
    assert!(stats["heartbeat_us"]["p50"].is_u64(), "{stats}");
    drop(subscribers);
}

#[test]
fn stats_and_doctor_show_where_private_topics_stand() {
    let place = Place::with_nodes();
    assert_eq!(place.run(&["keys", "new", "orders.pem"]).code, 0);
    let subscriber = place.start(&["subscribe", &place.endpoint(1), "orders", "--topic-key", "orders.pem"]);
    subscriber.error_line();
    let (publishers, subscribers) = (place.endpoint(0), place.endpoint(1));
    let state = |endpoint: &str, topics: &str| {
        let ended = place.run(&["stats", endpoint, "--json", "--timeout", "60"]);
        let stats: Value = serde_json::from_str(&ended.stdout[0]).unwrap();
        let topic = stats.pointer(topics).and_then(|topics| topics.get(0)).unwrap_or(&Value::Null);
        assert_eq!(topic["topic"], "orders", "{stats}");
        topic["state"].as_str().unwrap().to_owned()
    };
    let (at_node, at_peer) = ("/private_topics", "/peers/0/private_topics");
    assert_eq!(state(&subscribers, at_node), "subscribed");
    assert_eq!(state(&publishers, at_peer), "not_verified");
    let publish =
        ["publish", &publishers, "orders", "hi", "--wait", "--timeout", "60", "--allow", "orders.pem.pub"];
    assert_eq!(place.run(&publish).code, 0);
    assert_eq!(state(&publishers, at_peer), "verified");
    let shown = place.run(&["stats", &publishers, "--timeout", "60"]).stdout.join("\n");
    assert!(shown.contains("orders (private, verified)") && !shown.contains("#!$"), "{shown}");
    let shown = place.run(&["doctor", &publishers, "--timeout", "60"]).stdout.join("\n");
    assert!(shown.contains("orders (private, verified)") && !shown.contains("#!$"), "{shown}");
    assert_eq!(subscriber.interrupted().code, 0);
}

#[test]
fn interval_repeats_stats_until_ctrl_c() {
    let place = Place::with_nodes();
    let stats = place.start(&["stats", &place.endpoint(0), "--interval", "0.01", "--json"]);
    for _ in 0..3 {
        assert!(stats.line().starts_with(r#"{"event":"stats","#));
    }
    assert_eq!(stats.interrupted().code, 0);
}

#[test]
fn unresponsive_node_is_named() {
    let place = Place::with_nodes();
    place.devnet().inject(amop_devnet::Fault::lose().on_type(0x12));
    let ended = with_patience(|limit| {
        let ended = place.run(&["stats", &place.endpoint(0), "--timeout", limit]);
        (ended.code == 7).then_some(ended)
    });
    assert!(ended.stderr[0].contains("failed: no answer within "), "{ended:?}");
}

#[test]
fn nodes_of_3x_show_version_and_pings() {
    for tls in [Tls::Ecdhe, Tls::Tlcp, Tls::Off] {
        let place = Place::with(Devnet::builder().generation(Generation::V3).tls(tls));
        let kind = if tls == Tls::Off { "off" } else { "auto" };
        let options = ["--tls", kind, "--timeout", "60"];
        let endpoint = place.endpoint(0);
        let ended = place.run(&[&["stats", &endpoint][..], &options].concat());
        assert_eq!((ended.code, ended.stderr), (0, vec![]));
        let expected = [
            &format!("NODE version 3.16.4, protocol 2, tls {tls}"),
            "  heartbeat  min SPAN, p50 SPAN, p90 SPAN, p99 SPAN, max SPAN",
            "  topics     not listed by nodes of 3.x",
        ];
        assert_eq!(all_masked(&ended.stdout), expected);
        let ended = place.run(&[&["stats", &endpoint, "--json"][..], &options].concat());
        let stats: Value = serde_json::from_str(&ended.stdout[0]).unwrap();
        assert_eq!((&stats["generation"], &stats["protocol"]), (&"3".into(), &2.into()));
        assert!(stats.get("peers").is_none() && stats.get("topics").is_none(), "{stats}");
        let pinned = place.run(&[&["stats", &endpoint, "--generation", "2"][..], &options].concat());
        assert_eq!(pinned.code, 5, "{pinned:?}");
        assert!(pinned.stderr[0].contains("failed, as a node of 2.x"), "{pinned:?}");
    }
}
