//! Nodes, clients of all of them, and load that goes on while things break.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use amop::{Client, ClientBuilder, Error, ErrorKind, Event, Events, Request, Retry};
use amop_devnet::{Devnet, DevnetBuilder};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::oracle::{GUARD, Oracle, Tally, Wants};

/// Served: the reply is the payload.
const ECHO: &str = "echo";
/// Subscribed: a unicast is answered as soon as it is accepted.
const INBOX: &str = "inbox";
/// Subscribed, and broadcast on.
const NEWS: &str = "news";

const PUBLISHERS: usize = 2;
const SUBSCRIBERS: usize = 2;
/// Each worker of the load rests so long after a call: enough to have calls in flight at any time, little enough
/// for two slow cores.
const REST: Duration = Duration::from_millis(10);
/// Calls that have to end well before, and again after something breaks.
const ENOUGH: usize = 40;

/// Times shortened tenfold and more against real nodes, all in the same order.
pub(crate) fn nodes(count: usize) -> DevnetBuilder {
    Devnet::builder()
        .nodes(count)
        .push_limit(Duration::from_secs(1))
        .node_limit(Duration::from_secs(2))
        // Above a second: a 100 that comes sooner says that nothing was delivered.
        .link_loss(Duration::from_millis(1500))
        .first_byte_limit(GUARD)
}

fn quick(builder: ClientBuilder) -> ClientBuilder {
    builder
        .heartbeat(Duration::from_millis(300))
        .reconnect_min(Duration::from_millis(5))
        .reconnect_max(Duration::from_millis(100))
        .connect_timeout(Duration::from_secs(5))
        .call_timeout(Duration::from_secs(3))
        .answer_within(Duration::from_millis(700))
}

/// A client and what it says happens to it.
struct Watched {
    client: Client,
    events: Events,
}

/// The scene that each row of the matrix is played on.
pub(crate) struct Scene {
    pub(crate) devnet: Devnet,
    pub(crate) oracle: Arc<Oracle>,
    /// Publishers first, then subscribers, then the server.
    clients: Vec<Watched>,
    load: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

impl Scene {
    /// Everybody connected everywhere, the load running and some of it done.
    pub(crate) async fn start(nodes: DevnetBuilder) -> Scene {
        Scene::start_with(nodes, PUBLISHERS, SUBSCRIBERS, |_| Duration::ZERO).await
    }

    /// The same with a number of clients (and the server), and a server that takes its time for some calls.
    pub(crate) async fn start_with(
        nodes: DevnetBuilder,
        publishers: usize,
        subscribers: usize,
        thinking: impl Fn(usize) -> Duration + Send + Sync + Clone + 'static,
    ) -> Scene {
        let devnet = nodes.start().await.expect("the devnet starts");
        let oracle = Arc::new(Oracle::new());
        let mut clients = Vec::new();
        for _ in 0..=publishers + subscribers {
            let client = quick(devnet.client()).connect().await.expect("the client connects");
            clients.push(Watched { events: client.events(), client });
        }
        let stop = Arc::new(AtomicBool::new(false));
        let mut scene = Scene { devnet, oracle, clients, load: Vec::new(), stop };
        scene.all_connected().await;
        for (index, Watched { client, .. }) in scene.clients.iter().enumerate().skip(publishers) {
            let oracle = scene.oracle.clone();
            if index == publishers + subscribers {
                let thinking = thinking.clone();
                let serve = client.serve(ECHO, move |request: Request| {
                    oracle.handled(index, request.data());
                    let call = std::str::from_utf8(request.data()).map(str::parse::<usize>);
                    let time = if let Ok(Ok(call)) = call { thinking(call) } else { Duration::ZERO };
                    async move {
                        tokio::time::sleep(time).await;
                        request.data().clone()
                    }
                });
                serve.timeout(GUARD).await.expect("the service stands");
                continue;
            }
            for topic in [INBOX, NEWS] {
                let oracle = oracle.clone();
                let hear = move |message: amop::Message| {
                    oracle.handled(index, message.data());
                    async {}
                };
                client.subscribe(topic).timeout(GUARD).for_each(hear).await.expect("the subscription stands");
            }
        }
        for Watched { client, .. } in &scene.clients[..publishers] {
            let (client, oracle, stop) = (client.clone(), scene.oracle.clone(), scene.stop.clone());
            for (topic, wants) in [
                (ECHO, Wants::Unicast),
                (ECHO, Wants::AtLeastOnce),
                (INBOX, Wants::Unicast),
                (NEWS, Wants::Broadcast),
            ] {
                let (client, oracle, stop) = (client.clone(), oracle.clone(), stop.clone());
                scene.load.push(tokio::spawn(async move {
                    while !stop.load(Ordering::Relaxed) {
                        call(&client, &oracle, topic, wants).await;
                        tokio::time::sleep(REST).await;
                    }
                }));
            }
        }
        scene.load_flows().await;
        scene
    }

    /// So many more calls end well.
    pub(crate) async fn load_flows(&self) {
        let before = self.oracle.done();
        self.oracle.says("calls that end well", |oracle| oracle.done() >= before + ENOUGH).await;
    }

    /// Every client has heard such an event.
    pub(crate) async fn all_hear(&mut self, what: &str, mut such: impl FnMut(&Event) -> bool) {
        for watched in &mut self.clients {
            watched.hears(what, &mut such).await;
        }
    }

    /// Every client is connected to every node.
    pub(crate) async fn all_connected(&mut self) {
        for watched in &mut self.clients {
            let client = watched.client.clone();
            if !is_everywhere(&client) {
                watched.hears("a connection to every node", |_| is_everywhere(&client)).await;
            }
        }
    }

    /// Nothing is broken any more: all recovers, the load flows, unicasts and broadcasts arrive; then all ends, and
    /// the oracle has the word. `row` names the line that is printed.
    pub(crate) async fn finish(mut self, row: &str) -> Tally {
        let healed = Instant::now();
        self.all_connected().await;
        let connected_in = healed.elapsed();
        let listeners = self.clients.len() - 1 - self.load.len() / 4;
        for publisher in 0..self.load.len() / 4 {
            let client = self.clients[publisher].client.clone();
            self.is_answered(&client).await;
            self.all_hear_news(&client, listeners).await;
        }
        let recovered_in = healed.elapsed();
        self.load_flows().await;
        self.stop.store(true, Ordering::Relaxed);
        for worker in self.load {
            worker.await.expect("a worker of the load ends");
        }
        let mut retries = 0;
        for Watched { client, .. } in &self.clients {
            client.close_within(GUARD).await.expect("the client closes");
            let stats = client.stats();
            retries += stats.retries;
            assert_eq!(stats.held_bytes, 0, "{row}: payload is still held");
            for endpoint in &stats.endpoints {
                assert_eq!((endpoint.in_flight, endpoint.queued_bytes), (0, 0), "{row}: {endpoint:?}");
            }
        }
        let tally = self.oracle.verify();
        println!(
            "{row}: {tally}; {retries} retries; connected again after {connected_in:.1?}, all heard after \
             {recovered_in:.1?}"
        );
        tally
    }

    /// A unicast is answered. What broke may still have been on its way to a client when the scene was mended, and a
    /// busy machine can cost a connection at any time: then the call says so, and another is made.
    async fn is_answered(&self, publisher: &Client) {
        let begun = Instant::now();
        loop {
            let call = self.oracle.begin(Wants::Unicast);
            let publish = publisher.publish(ECHO, call.to_string()).timeout(GUARD).wait_for_subscriber(true);
            let outcome = publish.await;
            self.oracle.end(call, outcome.clone());
            match outcome {
                Ok(_) => return,
                Err(error) if begun.elapsed() < GUARD => println!("once more, after: {error}"),
                Err(error) => panic!("no unicast is answered after all is well again: {error}"),
            }
        }
    }

    /// A broadcast reaches every subscriber. Another is sent where a busy machine has just cost a connection.
    async fn all_hear_news(&self, publisher: &Client, listeners: usize) {
        let begun = Instant::now();
        while begun.elapsed() < GUARD {
            let call = self.oracle.begin(Wants::Broadcast);
            self.oracle.end(call, publisher.broadcast(NEWS, call.to_string()).await);
            let all = |oracle: &Oracle| oracle.heard_by(call) == listeners;
            if self.oracle.says_within(Duration::from_secs(3), all).await {
                return;
            }
        }
        panic!("no broadcast reaches all {listeners} subscribers after all is well again");
    }
}

impl Watched {
    async fn hears(&mut self, what: &str, mut such: impl FnMut(&Event) -> bool) {
        let heard = async { while !such(&self.events.next().await.expect("the client lives")) {} };
        if tokio::time::timeout(GUARD, heard).await.is_err() {
            panic!("still waiting for: {what}; {:?}", self.client.stats());
        }
    }
}

fn is_everywhere(client: &Client) -> bool {
    client.stats().endpoints.iter().all(|endpoint| endpoint.connected)
}

/// One call of the load, its outcome told to the oracle by the client itself, as often as it happens.
async fn call(client: &Client, oracle: &Arc<Oracle>, topic: &str, wants: Wants) {
    let call = oracle.begin(wants);
    let (over, is_over) = oneshot::channel();
    let book = oracle.clone();
    let payload = call.to_string();
    let started = match wants {
        Wants::Broadcast => client.broadcast(topic, payload).start(move |outcome| {
            book.end(call, outcome);
            // The load is there until all calls have ended.
            let _ = over.send(());
        }),
        Wants::Unicast | Wants::AtLeastOnce => {
            let retry = if wants == Wants::AtLeastOnce { Retry::AtLeastOnce } else { Retry::Definite };
            client.publish(topic, payload.clone()).retry(retry).start(move |outcome| {
                let outcome = outcome.and_then(|reply| match reply.data() {
                    data if data.is_empty() || *data == payload => Ok(()),
                    data => {
                        Err(Error::new(ErrorKind::Internal, format!("a reply to another call: {data:?}")))
                    }
                });
                book.end(call, outcome);
                let _ = over.send(());
            })
        }
    };
    match started {
        Ok(_) => tokio::time::timeout(GUARD, is_over).await.expect("a call ends").expect("by telling so"),
        Err(error) => oracle.end(call, Err::<(), _>(error)),
    }
}
