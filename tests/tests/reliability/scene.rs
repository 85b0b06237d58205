//! Nodes, clients of all of them, and load that goes on while things break.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use amop::{Client, Error, ErrorKind, Event, Events, Message, Request, Retry, RunningHandler};
use amop_devnet::{Devnet, DevnetBuilder};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::oracle::{GUARD, Oracle, Tally, Wants};
use crate::setup::{DESK, ECHO, INBOX, NEWS, Setup};

/// Each worker of the load rests so long after a call: enough to have calls in flight at any time, little enough
/// for two slow cores.
const REST: Duration = Duration::from_millis(10);
/// Calls that have to end well before, and again after something breaks.
const ENOUGH: usize = 40;

/// A client and what it says happens to it.
struct Watched {
    client: Client,
    events: Events,
}

/// The scene that each row of the matrix is played on.
pub(crate) struct Scene {
    pub(crate) devnet: Devnet,
    pub(crate) oracle: Arc<Oracle>,
    setup: Setup,
    /// Publishers first, then subscribers, then the server.
    clients: Vec<Watched>,
    load: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

impl Scene {
    /// As [`Setup::new`] has it, and started.
    pub(crate) async fn start(nodes: DevnetBuilder) -> Scene {
        Setup::new(nodes).start().await
    }

    /// Everybody connected everywhere, the load running and some of it done.
    pub(crate) async fn of(setup: Setup) -> Scene {
        let devnet = setup.nodes.clone().start().await.expect("the devnet starts");
        let oracle = Arc::new(Oracle::new());
        let mut clients = Vec::new();
        for _ in 0..=setup.publishers + setup.subscribers {
            let client = setup.client(&devnet).connect().await.expect("the client connects");
            clients.push(Watched { events: client.events(), client });
        }
        let mut scene = Scene { devnet, oracle, setup, clients, load: Vec::new(), stop: Arc::default() };
        scene.all_connected().await;
        let Setup { publishers, subscribers, desk, inbox_timeout, .. } = scene.setup;
        for subscriber in publishers..publishers + subscribers {
            scene.subscribe(subscriber, INBOX).await.expect("the subscription stands");
            scene.subscribe(subscriber, NEWS).await.expect("the subscription stands");
            scene.oracle.listens(NEWS, subscriber);
        }
        scene.serve(ECHO).await;
        if desk {
            scene.serve(DESK).await;
            scene.subscribe(scene.server(), DESK).await.expect("the subscription stands");
            scene.oracle.listens(DESK, scene.server());
        }
        for publisher in 0..publishers {
            scene.send(publisher, ECHO, Wants::Unicast, None);
            scene.send(publisher, ECHO, Wants::AtLeastOnce, None);
            scene.send(publisher, INBOX, Wants::Unicast, inbox_timeout);
            scene.send(publisher, NEWS, Wants::Broadcast, None);
            if desk {
                scene.send(publisher, DESK, Wants::Unicast, None);
                scene.send(publisher, DESK, Wants::Broadcast, None);
            }
        }
        scene.load_flows().await;
        scene
    }

    /// One of the clients: publishers first, then subscribers, then the server.
    pub(crate) fn client(&self, index: usize) -> &Client {
        &self.clients[index].client
    }

    /// How many clients there are.
    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    fn server(&self) -> usize {
        self.clients.len() - 1
    }

    /// A client subscribes to a topic; what it hears goes into the book.
    pub(crate) fn subscribe(
        &self,
        client: usize,
        topic: &str,
    ) -> impl Future<Output = amop::Result<RunningHandler>> + Send + use<> {
        let (oracle, thinking) = (self.oracle.clone(), self.setup.thinking.clone());
        let hear = move |message: Message| {
            let call = oracle.handled(client, message.seq(), message.data());
            let time = thinking(message.topic(), call);
            async move {
                if !time.is_zero() {
                    tokio::time::sleep(time).await;
                }
            }
        };
        self.client(client).subscribe(topic).timeout(GUARD).for_each(hear)
    }

    /// The server answers a topic's unicasts with their own payload.
    async fn serve(&self, topic: &str) {
        let (oracle, thinking, server) = (self.oracle.clone(), self.setup.thinking.clone(), self.server());
        let serve = self.client(server).serve(topic, move |request: Request| {
            let call = oracle.handled(server, request.message().seq(), request.data());
            let time = thinking(request.topic(), call);
            async move {
                tokio::time::sleep(time).await;
                request.data().clone()
            }
        });
        // The service goes on without its guard.
        serve.timeout(GUARD).await.expect("the service stands");
    }

    /// A publisher sends from now on, one call after the other.
    fn send(&mut self, publisher: usize, topic: &'static str, wants: Wants, timeout: Option<Duration>) {
        let (client, oracle, stop) = (self.client(publisher).clone(), self.oracle.clone(), self.stop.clone());
        self.load.push(tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                call(&client, &oracle, topic, wants, timeout).await;
                tokio::time::sleep(REST).await;
            }
        }));
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
        let nodes = self.devnet.len();
        for watched in &mut self.clients {
            let client = watched.client.clone();
            if !is_everywhere(&client, nodes) {
                watched.hears("a connection to every node", |_| is_everywhere(&client, nodes)).await;
            }
        }
    }

    /// Nothing is broken any more: all recovers, the load flows, unicasts and broadcasts arrive; then all ends, and
    /// the oracle has the word. `row` names the line that is printed.
    pub(crate) async fn finish(mut self, row: &str) -> Tally {
        let healed = Instant::now();
        self.all_connected().await;
        let connected_in = healed.elapsed();
        for publisher in 0..self.setup.publishers {
            let client = self.client(publisher).clone();
            self.is_answered(&client).await;
            self.all_hear_news(&client).await;
        }
        let recovered_in = healed.elapsed();
        self.load_flows().await;
        self.stop.store(true, Ordering::Relaxed);
        for worker in self.load {
            worker.await.expect("a worker of the load ends");
        }
        let all_heard = |oracle: &Oracle| oracle.tally().copies_missed == 0;
        if self.setup.steady {
            self.oracle.says("every copy of every acked broadcast", all_heard).await;
        } else {
            // Some went where nobody was connected; the last may still be on their way.
            self.oracle.says_within(Duration::from_secs(1), all_heard).await;
        }
        let mut retries = 0;
        for Watched { client, .. } in &self.clients {
            let losses = client.stats().total().losses;
            assert!(!self.setup.steady || losses == 0, "{row}: {losses} connections were lost");
            // It has nothing to wait for that doesn't end by itself.
            let closed = tokio::time::timeout(GUARD, client.close_within(10 * GUARD)).await;
            closed.unwrap_or_else(|_| panic!("{row}: a close waits in vain")).expect("the client closes");
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
            let call = self.oracle.begin(ECHO, Wants::Unicast);
            let outcome = publisher.publish(ECHO, call.to_string()).wait_for_subscriber(true).await;
            self.oracle.end(call, outcome.clone());
            match outcome {
                Ok(_) => return,
                Err(error) if begun.elapsed() < GUARD => println!("once more, after: {error}"),
                Err(error) => panic!("no unicast is answered after all is well again: {error}"),
            }
        }
    }

    /// A broadcast reaches every subscriber. Another is sent where a busy machine has just cost a connection.
    async fn all_hear_news(&self, publisher: &Client) {
        let begun = Instant::now();
        while begun.elapsed() < GUARD {
            let call = self.oracle.begin(NEWS, Wants::Broadcast);
            self.oracle.end(call, publisher.broadcast(NEWS, call.to_string()).await);
            let all = |oracle: &Oracle| oracle.is_heard_by_all(call);
            if self.oracle.says_within(Duration::from_secs(3), all).await {
                return;
            }
        }
        panic!("no broadcast reaches all subscribers after all is well again");
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

fn is_everywhere(client: &Client, nodes: usize) -> bool {
    let endpoints = client.stats().endpoints;
    endpoints.len() == nodes && endpoints.iter().all(|endpoint| endpoint.connected)
}

/// One call of the load, its outcome told to the oracle by the client itself, as often as it happens.
async fn call(
    client: &Client,
    oracle: &Arc<Oracle>,
    topic: &'static str,
    wants: Wants,
    timeout: Option<Duration>,
) {
    let call = oracle.begin(topic, wants);
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
            let mut publish = client.publish(topic, payload.clone()).retry(retry);
            if let Some(timeout) = timeout {
                publish = publish.timeout(timeout);
            }
            let expected = if topic == INBOX { String::new() } else { payload };
            publish.start(move |outcome| {
                let outcome = outcome.and_then(|reply| match reply.data() {
                    data if *data == expected => Ok(()),
                    data => Err(Error::undelivered(
                        ErrorKind::Internal,
                        format!("a reply to another call: {data:?}"),
                    )),
                });
                book.end(call, outcome);
                let _ = over.send(());
            })
        }
    };
    match started {
        Ok(_) => tokio::time::timeout(2 * GUARD, is_over).await.expect("a call ends").expect("by telling so"),
        Err(error) => oracle.end(call, Err::<(), _>(error)),
    }
}
