//! `amop demo`: both transcripts, with nothing but the program itself.

use std::net::TcpListener;
use std::time::{Duration, Instant};
use std::{io, thread};

use crate::amop::{Place, masked};

#[test]
fn demo_prints_both_transcripts() {
    prints_both_transcripts(&["demo"]);
}

#[test]
fn demo_prints_both_transcripts_on_3x_nodes() {
    prints_both_transcripts(&["demo", "--generation", "3"]);
}

fn prints_both_transcripts(arguments: &[&str]) {
    let ended = Place::empty().run(arguments);
    assert_eq!((ended.code, ended.stderr), (0, vec![]));
    let expected = "\
Two embedded nodes of one chain: NODE and NODE

$ subscriber NODE hello
Subscriber success
TIME received: hello, FISCO BCOS, I am unique broadcast publisher! 0
TIME received: hello, FISCO BCOS, I am unique broadcast publisher! 1
TIME received: hello, FISCO BCOS, I am unique broadcast publisher! 2
TIME received: hello, FISCO BCOS, I am multi broadcast publisher! 0
TIME received: hello, FISCO BCOS, I am multi broadcast publisher! 1
TIME received: hello, FISCO BCOS, I am multi broadcast publisher! 2

$ unicast_publisher NODE hello
TIME publish message: hello, FISCO BCOS, I am unique broadcast publisher! 0
TIME publish message: hello, FISCO BCOS, I am unique broadcast publisher! 1
TIME publish message: hello, FISCO BCOS, I am unique broadcast publisher! 2

$ multicast_publisher NODE hello
TIME publish message: hello, FISCO BCOS, I am multi broadcast publisher! 0
TIME publish message: hello, FISCO BCOS, I am multi broadcast publisher! 1
TIME publish message: hello, FISCO BCOS, I am multi broadcast publisher! 2

To keep nodes running: amop devnet. All verbs: amop --help";
    let shown: Vec<_> = ended.stdout.iter().map(|line| masked(line)).collect();
    assert_eq!(shown.join("\n"), expected);
}

/// Takes a port. One that another process keeps for a minute is taken as well.
fn taken(address: &str) -> io::Result<TcpListener> {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let listener = TcpListener::bind(address);
        // Another demo may use it, which ends at any time.
        if listener.is_ok() || Instant::now() > until {
            return listener;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn demo_uses_free_ports_if_the_usual_are_in_use() {
    let _taken = taken("127.0.0.1:20201");
    let ended = Place::empty().run(&["demo", "--json"]);
    assert_eq!((ended.code, ended.stderr), (0, vec![]));
    let shown: Vec<_> = ended.stdout.iter().map(|line| masked(line)).collect();
    assert_eq!(shown[0], r#"{"event":"ready","endpoints":["NODE","NODE"]}"#);
    assert_eq!(shown[1], r#"{"event":"program","name":"subscriber","endpoint":"NODE","topic":"hello"}"#);
    assert_eq!(shown[2], r#"{"event":"subscribed"}"#);
    assert_eq!(
        shown[3],
        r#"{"event":"received","kind":"unicast","time":"TIME","data":"hello, FISCO BCOS, I am unique broadcast publisher! 0"}"#
    );
    assert_eq!(shown.last().unwrap(), r#"{"event":"done"}"#);
    assert!(!ended.stdout[0].contains(":20201"), "{}", ended.stdout[0]);
}
