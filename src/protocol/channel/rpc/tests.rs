//! Answers of nodes, honest and hostile.

use super::*;

fn node(fields: &str) -> Vec<u8> {
    format!(r#"{{"id":1,"jsonrpc":"2.0","result":{{{fields}}}}}"#).into_bytes()
}

/// Counts what it receives and keeps nothing.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    nodes: usize,
    topics: usize,
}

impl NodeSink for Counts {
    fn begin_node(&mut self) {
        self.nodes += 1;
    }

    fn text(&mut self, _which: NodeText, text: &str) {
        assert!(text.len() <= MAX_NODE_TEXT);
    }

    fn topic(&mut self, _topic: &str) {
        self.topics += 1;
    }
}

#[test]
fn requests_have_the_documented_bytes() {
    assert_eq!(get_node_info(), br#"{"jsonrpc":"2.0","method":"getNodeInfo","params":[],"id":1}"#);
    assert_eq!(get_peers(1), br#"{"jsonrpc":"2.0","method":"getPeers","params":[1],"id":1}"#);
}

#[test]
fn answers_are_read_and_refusals_reported() {
    let info = node(r#""Agency":"a","NodeID":"ff","Topic":["x","y"],"Node":"n""#);
    let NodeTopics { node_id, agency, topics, .. } = decode_node_info(&info).unwrap();
    assert_eq!((node_id.as_str(), agency.as_str()), ("ff", "a"));
    assert_eq!(topics, ["x", "y"]);
    let refused = br#"{"error":{"code":-32601,"message":"METHOD_NOT_FOUND"},"id":1,"jsonrpc":"2.0"}"#;
    let refused = decode_node_info(refused).unwrap_err();
    assert_eq!((refused.code, refused.message.as_str()), (-32601, "METHOD_NOT_FOUND"));
    let peers = br#"{"id":1,"result":[{"NodeID":"aa","Topic":[]},{"Topic":["t"],"NodeID":"bb"}]}"#;
    let peers = decode_peers(peers).unwrap();
    assert_eq!(peers.iter().map(|peer| peer.node_id.as_str()).collect::<Vec<_>>(), ["aa", "bb"]);
    assert_eq!(peers[1].topics, ["t"]);
}

#[test]
fn an_error_outweighs_a_result_in_any_order() {
    let after = br#"{"result":{"Topic":["t"]},"error":{"code":-1}}"#;
    let before = br#"{"error":{"code":-1},"result":{"Topic":["t"]}}"#;
    for body in [&after[..], before] {
        assert_eq!(decode_node_info(body).unwrap_err().code, -1);
    }
    assert!(decode_node_info(br#"{"error":null,"result":{"Topic":["t"]}}"#).is_ok());
}

#[test]
fn malformed_answers_are_refused() {
    let mut bodies: Vec<Vec<u8>> = [
        &b""[..],
        b"nonsense",
        b"[]",
        b"null",
        b"{}",
        b"{\"result\":null}",
        b"{\"result\":7}",
        b"{\"result\":[]}",
        b"{\"result\":{\"Topic\":[]}} trailing",
        b"{\"result\":{\"Topic\":[]},\"result\":{\"Topic\":[]}}",
        b"{\"error\":{},\"error\":{}}",
        b"{\"error\":7}",
        b"{\"result\":{\"Topic\":[\"cut",
        b"{\"result\":{\"Topic\":[\"a\"",
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    for fields in [
        r#""NodeID":"x""#,
        r#""Topic":null"#,
        r#""Topic":{}"#,
        r#""Topic":"t""#,
        r#""Topic":[1]"#,
        r#""Topic":[["t"]]"#,
        r#""Topic":[{"t":1}]"#,
        r#""Topic":[],"Topic":["t"]"#,
        r#""NodeID":"a","NodeID":"b","Topic":[]"#,
        r#""NodeID":7,"Topic":[]"#,
        r#""NodeID":["a"],"Topic":[]"#,
        r#""Agency":{},"Topic":[]"#,
    ] {
        bodies.push(node(fields));
    }
    for body in bodies {
        let text = String::from_utf8_lossy(&body);
        let refused = decode_node_info(&body).expect_err(&text);
        assert_eq!(refused.code, 0, "{text}");
        assert!(decode_peers(&body).is_err() || body == b"{\"result\":[]}", "{text}");
    }
}

#[test]
fn depth_costs_no_stack() {
    let deep = |open: &str, close: &str| {
        let nested = open.repeat(1_000_000) + &close.repeat(1_000_000);
        node(&format!(r#""Other":{nested},"Topic":["t"]"#))
    };
    assert_eq!(decode_node_info(&deep("[", "]")).unwrap().topics, ["t"]);
    let topic = node(&format!(r#""Topic":{}"#, "[".repeat(4_000_000)));
    assert!(decode_node_info(&topic).is_err());
    assert!(decode_peers(&"[".repeat(4_000_000).into_bytes()).is_err());
}

#[test]
fn a_topic_that_is_not_utf_8_leaves_the_others_readable() {
    let mut body = br#"{"result":{"NodeID":"a"#.to_vec();
    body.extend_from_slice(b"\xff\",\"Topic\":[\"x\",\"\xc3\x28\",\"\\ud800\",\"\\u4e2d\\n\",\"z\"]}}");
    let info = decode_node_info(&body).unwrap();
    assert_eq!(info.topics, ["x", "中\n", "z"]);
    assert_eq!(info.node_id, "a\u{fffd}");
}

#[test]
fn node_texts_and_the_number_of_nodes_are_bounded() {
    for field in ["NodeID", "Agency", "IPAndPort"] {
        let with = |len: usize| node(&format!(r#""{field}":"{}","Topic":[]"#, "f".repeat(len)));
        assert!(decode_node_info(&with(MAX_NODE_TEXT)).is_ok());
        assert!(decode_node_info(&with(MAX_NODE_TEXT + 1)).is_err());
    }
    let peers = |count: usize| {
        let peers = vec![r#"{"Topic":[]}"#; count].join(",");
        format!(r#"{{"result":[{peers}]}}"#).into_bytes()
    };
    assert_eq!(decode_peers(&peers(MAX_NODES)).unwrap().len(), MAX_NODES);
    assert!(decode_peers(&peers(MAX_NODES + 1)).is_err());
}

#[test]
fn refusal_text_is_escaped_and_bounded() {
    let body = r#"{"error":{"code":-1,"message":"no\n\u001b[2J\u202e"},"id":1,"jsonrpc":"2.0"}"#;
    assert_eq!(decode_node_info(body.as_bytes()).unwrap_err().message, r"no\n\u{1b}[2J\u{202e}");
    let text = r"\u202e".repeat(100_000);
    let bodies = [format!(r#"{{"result":"{text}"}}"#), format!(r#"{{"error":{{"message":"{text}"}}}}"#)];
    for body in bodies {
        let message = decode_node_info(body.as_bytes()).unwrap_err().message;
        assert!(message.len() < 3000 && !message.contains('\u{202e}'), "{message}");
    }
}

#[test]
fn a_huge_answer_is_read_without_being_kept() {
    let topics: Vec<String> = (0..2_000_000).map(|n| format!(r#""topic/{n}""#)).collect();
    let body = node(&format!(r#""NodeID":"a","Topic":[{}]"#, topics.join(",")));
    assert!(body.len() > 29_000_000);
    let mut counts = Counts::default();
    read_node_info(&body, &mut counts).unwrap();
    assert_eq!(counts, Counts { nodes: 1, topics: 2_000_000 });
}
