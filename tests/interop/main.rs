//! The official SDKs and this client with each other, over embedded nodes: each publishes to each, every kind of message,
//! and then on private topics with several keys, wrong and late ones, and nodes that restart. Prints tables, and fails if
//! not all of them passed.
//!
//! The SDKs are programs around them, in `go/`, `java/` and `java3/`; scripts/interop.sh builds them. Each party is a
//! publisher at the first node and a subscriber at the second, connected once for all its cases.

mod cases;
mod nodes;
mod own;
mod party;
mod private;
mod sdk;
mod table;

use std::process::ExitCode;
use std::time::Duration;

use amop::Tls;
use clap::Parser;

use crate::cases::Case;
use crate::nodes::Nodes;
use crate::own::Own;
use crate::party::{Abilities, Answer, Party, Result};
use crate::sdk::Sdk;
use crate::table::Table;

/// Which SDKs take part, and whether heartbeats are tested too
#[derive(Debug, Parser)]
#[command(name = "interop")]
struct Arguments {
    /// The program around go-sdk
    #[arg(long, value_name = "COMMAND", required_unless_present_any = ["java", "java3"])]
    go: Option<String>,
    /// The program around java-sdk, with its arguments
    #[arg(long, value_name = "COMMAND")]
    java: Option<String>,
    /// The program around java-sdk 3.x, with its arguments; the nodes are of 3.x then
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["go", "java", "like_2_11", "rsa", "gm"])]
    java3: Option<String>,
    /// Says nothing for longer than nodes bear it, and looks who is still connected then: a minute more
    #[arg(long)]
    idle: bool,
    /// Nodes with the habits of real 2.11 ones
    #[arg(long = "like-2.11")]
    like_2_11: bool,
    /// Nodes of 3.x with SM certificates and TLCP
    #[arg(long, requires = "java3")]
    sm: bool,
    /// Nodes of 3.x without TLS
    #[arg(long, requires = "java3", conflicts_with = "sm")]
    plain: bool,
    /// Nodes with an RSA channel
    #[arg(long)]
    rsa: bool,
    /// Nodes with a GM channel
    #[arg(long, conflicts_with = "rsa")]
    gm: bool,
}

impl Arguments {
    /// Returns the kind of TLS of nodes of 3.x.
    fn tls_of_3x(&self) -> Tls {
        match (self.sm, self.plain) {
            (true, _) => Tls::Tlcp,
            (_, true) => Tls::Off,
            _ => Tls::Ecdhe,
        }
    }

    /// Returns the option of `amop devnet` for the kind of channel.
    fn channel(&self) -> Option<&'static str> {
        match (self.rsa, self.gm) {
            (true, _) => Some("--rsa"),
            (_, true) => Some("--gm"),
            _ => None,
        }
    }
}

/// How many unicasts are sent back to back: enough that two frames would share a record many times.
const BURST: usize = 2_000;

/// Nodes close a session after a minute without a byte; go-sdk sends its heartbeat every 30 s, java-sdk every 2 s.
const IDLE: Duration = Duration::from_secs(65);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut nodes = match arguments.java3 {
        Some(_) => Nodes::start_3x(arguments.tls_of_3x()),
        None => Nodes::start(arguments.like_2_11, arguments.channel()),
    };
    let parties = connect(&arguments, &nodes);
    let mut table = Table::begin(&parties);
    let cases = cases::all();
    for case in &cases {
        table.fill(case.name, |from, to, topic| {
            case.is_possible(from.can, to.can).then(|| play(case, topic, from, to, &mut nodes))
        });
    }
    table.fill(&format!("{BURST} at once"), |from, to, topic| {
        let both_can = from.can.bursts && to.can.bursts;
        both_can.then(|| burst(topic, from, to, &mut nodes))
    });
    if arguments.idle {
        // This is about time that passes: there is no state to wait for.
        std::thread::sleep(IDLE);
        table.fill(&format!("after {} s idle", IDLE.as_secs()), |from, to, topic| {
            Some(play(&cases[0], topic, from, to, &mut nodes))
        });
    }

    let mut failures = table.failures();
    let clients = 2 * parties.len() as u64;
    for party in &parties {
        failures.extend(party.end_publisher());
        failures.extend(party.end_subscriber());
    }
    // Who lost its connection has made another one.
    let (connections, refused) = nodes.end();
    // On other nodes than the default ones, clients first make attempts that fail.
    let is_default = arguments.channel().is_none() && arguments.java3.is_none();
    if is_default && (connections, refused) != (clients, 0) {
        failures.push(format!("{clients} clients made {connections} connections, {refused} refused"));
    }
    if arguments.java3.is_none() {
        let nodes = Nodes::start_observed(arguments.like_2_11, arguments.rsa, arguments.gm);
        failures.extend(private::play(&connect(&arguments, &nodes), &nodes));
    }
    for failure in &failures {
        eprintln!("FAILED: {failure}");
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Starts everybody who takes part; SDKs start at the same time.
fn connect(arguments: &Arguments, nodes: &Nodes) -> Vec<Party> {
    // The later java-sdk can't send without data, and names letters of four bytes by two halves of three, as JNI does.
    // go-sdk connects again endlessly after its node has restarted.
    let go = Abilities { reconnects: false, ..Abilities::ALL };
    let java = Abilities { bursts: false, ..Abilities::ALL };
    let java3 = Abilities { private: false, empty: false, long_letters: false, ..Abilities::ALL };
    let sdks = [
        ("go-sdk", &arguments.go, go),
        ("java-sdk", &arguments.java, java),
        ("java-sdk", &arguments.java3, java3),
    ];
    let started: Vec<_> = sdks
        .into_iter()
        .filter_map(|(name, command, can)| {
            let command: Vec<_> = command.as_ref()?.split_whitespace().collect();
            let start = |node| Sdk::start(&command, nodes.endpoint(node), nodes.credentials());
            Some((name, can, start(0), start(1)))
        })
        .collect();
    let mut parties = Vec::new();
    for (name, can, publisher, subscriber) in started {
        publisher.ready();
        subscriber.ready();
        parties.push(Party::new(name, can, Box::new(publisher), Box::new(subscriber)));
    }
    let tls = if arguments.plain { Tls::Off } else { Tls::Auto };
    let own = |node| Box::new(Own::connect(nodes.endpoint(node), nodes.credentials(), tls));
    parties.push(Party::new(own::NAME, Abilities::ALL, own(0), own(1)));
    parties
}

fn play(case: &Case, topic: &str, from: &Party, to: &Party, nodes: &mut Nodes) -> Result<()> {
    case.play(topic, &mut **from.publisher(), &mut **to.subscriber(), |topic| nodes.until_known(topic))
}

/// Many unicasts at once, each echoed.
fn burst(topic: &str, from: &Party, to: &Party, nodes: &mut Nodes) -> Result<()> {
    let mut subscriber = to.subscriber();
    subscriber.subscribe(topic, &Answer::Echo)?;
    nodes.until_known(topic);
    from.publisher().burst(topic, BURST)?;
    let number = |_| {
        let (_, data) = subscriber.received()?;
        String::from_utf8_lossy(&data).parse().map_err(|_| format!("{data:?} is no number"))
    };
    let mut numbers: Vec<usize> = (0..BURST).map(number).collect::<Result<_>>()?;
    numbers.sort_unstable();
    let each_once = numbers.iter().copied().eq(0..BURST);
    if each_once { Ok(()) } else { Err("not each message came once".to_owned()) }
}
