//! Private topics beyond one message with one key: several keys, wrong and late ones, and nodes that restart.

use amop::VerificationState::{Rejected, Verified};

use crate::cases::{PRIVATE_KEY, PUBLIC_KEY};
use crate::nodes::Nodes;
use crate::party::{Answer, Party, Publisher, Result, Subscriber};
use crate::table::Table;

/// A further key: 32 bytes of 0x22, and its public key.
const OTHER_PRIVATE_KEY: &str = "2222222222222222222222222222222222222222222222222222222222222222";
const OTHER_PUBLIC_KEY: &str = "04466d7fcae563e5cb09a0d1870bb580344804617879a14949cf22285f1bae3f27\
                                6728176c3c6431f8eeda4538dc37c865e2784f3a9e77d044f33e407797e1278a";

/// Has each publish to each, then restarts the node of the subscribers, and then that of the publishers. Who doesn't survive
/// the restart of its node ends before. Returns what went wrong.
pub(crate) fn play(parties: &[Party], nodes: &Nodes) -> Vec<String> {
    let mut failures = Vec::new();
    let mut table = Table::begin(parties);
    let cases: [(&str, Case); 5] = [
        ("several keys", several_keys),
        ("publisher first", publisher_first),
        ("wrong key", wrong_key),
        ("late key", late_key),
        ("alike names", alike_names),
    ];
    for (name, case) in cases {
        table.fill(name, |from, to, topic| {
            Some(case(topic, &mut **from.publisher(), &mut **to.subscriber(), nodes))
        });
    }

    let mut survivors = Vec::new();
    table.fill("before a restart", |from, to, topic| {
        let survives = to.can.reconnects;
        survives.then(|| {
            survivors.push(topic.to_owned());
            publisher_first(topic, &mut **from.publisher(), &mut **to.subscriber(), nodes)
        })
    });
    for party in parties.iter().filter(|party| !party.can.reconnects) {
        failures.extend(party.end_subscriber());
    }
    failures.extend(nodes.restart(1, &survivors).err());
    let mut before = survivors.iter();
    table.fill("subscriber's node", |from, to, _| {
        to.can.reconnects.then(|| {
            let topic = before.next().expect("each had a topic before");
            nodes.until(topic, Some(Verified))?;
            exchange(topic, &mut **from.publisher(), &mut **to.subscriber())
        })
    });
    for party in parties.iter().filter(|party| !party.can.reconnects) {
        failures.extend(party.end_publisher());
    }
    failures.extend(nodes.restart(0, &survivors).err());
    let mut before = survivors.iter();
    table.fill("publisher's node", |from, to, _| {
        let topic = to.can.reconnects.then(|| before.next().expect("each had a topic before"))?;
        from.can.reconnects.then(|| {
            nodes.until(topic, Some(Verified))?;
            exchange(topic, &mut **from.publisher(), &mut **to.subscriber())
        })
    });

    failures.extend(table.failures());
    for party in parties {
        failures.extend(party.end_publisher());
        failures.extend(party.end_subscriber());
    }
    failures
}

type Case = fn(&str, &mut dyn Publisher, &mut dyn Subscriber, &Nodes) -> Result<()>;

/// The subscriber holds one of the keys that the publisher allows, and not the first.
fn several_keys(topic: &str, from: &mut dyn Publisher, to: &mut dyn Subscriber, nodes: &Nodes) -> Result<()> {
    to.subscribe_private(topic, &Answer::Echo, OTHER_PRIVATE_KEY)?;
    from.announce_private(topic, &[PUBLIC_KEY, OTHER_PUBLIC_KEY])?;
    nodes.until(topic, Some(Verified))?;
    exchange(topic, from, to)
}

/// The publisher is there before the subscriber.
fn publisher_first(
    topic: &str,
    from: &mut dyn Publisher,
    to: &mut dyn Subscriber,
    nodes: &Nodes,
) -> Result<()> {
    from.announce_private(topic, &[PUBLIC_KEY])?;
    to.subscribe_private(topic, &Answer::Echo, PRIVATE_KEY)?;
    nodes.until(topic, Some(Verified))?;
    exchange(topic, from, to)
}

/// The subscriber's key is not one that the publisher allows: it receives nothing, as its orderly end shows.
fn wrong_key(topic: &str, from: &mut dyn Publisher, to: &mut dyn Subscriber, nodes: &Nodes) -> Result<()> {
    from.announce_private(topic, &[PUBLIC_KEY])?;
    to.subscribe_private(topic, &Answer::Echo, OTHER_PRIVATE_KEY)?;
    nodes.until(topic, Some(Rejected))?;
    refused(topic, from)
}

/// The publisher allows the subscriber's key after it has rejected it: this counts once the subscriber has left and come
/// again.
fn late_key(topic: &str, from: &mut dyn Publisher, to: &mut dyn Subscriber, nodes: &Nodes) -> Result<()> {
    wrong_key(topic, from, to, nodes)?;
    from.announce_private(topic, &[PUBLIC_KEY, OTHER_PUBLIC_KEY])?;
    refused(topic, from)?;
    to.unsubscribe_private(topic)?;
    nodes.until(topic, None)?;
    to.subscribe_private(topic, &Answer::Echo, OTHER_PRIVATE_KEY)?;
    nodes.until(topic, Some(Verified))?;
    exchange(topic, from, to)
}

/// The name of one topic is the beginning of another's. Nodes propose the challenge channel that comes first, which is the
/// other's. The official SDKs use it, so that this works with the same key for both.
fn alike_names(topic: &str, from: &mut dyn Publisher, to: &mut dyn Subscriber, nodes: &Nodes) -> Result<()> {
    let longer = format!("{topic}EU");
    to.subscribe_private(&longer, &Answer::Echo, PRIVATE_KEY)?;
    from.announce_private(&longer, &[PUBLIC_KEY])?;
    nodes.until(&longer, Some(Verified))?;
    to.subscribe_private(topic, &Answer::Echo, PRIVATE_KEY)?;
    from.announce_private(topic, &[PUBLIC_KEY])?;
    nodes.until(topic, Some(Verified))?;
    exchange(topic, from, to)?;
    exchange(&longer, from, to)
}

/// Sends a unicast and a multicast, and checks the reply and both messages.
fn exchange(topic: &str, from: &mut dyn Publisher, to: &mut dyn Subscriber) -> Result<()> {
    let reply = from.publish(true, topic, b"unicast")?;
    if reply != b"unicast" {
        return Err(format!("the reply is {:?}", String::from_utf8_lossy(&reply)));
    }
    expect(topic, b"unicast", to)?;
    from.multicast(true, topic, b"multicast")?;
    expect(topic, b"multicast", to)
}

fn expect(topic: &str, data: &[u8], to: &mut dyn Subscriber) -> Result<()> {
    let received = to.received()?;
    let expected = (topic.to_owned(), data.to_vec());
    if received == expected {
        Ok(())
    } else {
        Err(format!("{received:?} was received instead of {expected:?}"))
    }
}

/// Sends a unicast and a multicast that reach no subscriber.
fn refused(topic: &str, from: &mut dyn Publisher) -> Result<()> {
    if let Ok(reply) = from.publish(true, topic, b"secret") {
        return Err(format!("a subscriber with a wrong key replied {:?}", String::from_utf8_lossy(&reply)));
    }
    from.multicast(true, topic, b"secret")
}
