//! Nodes, clients that are connected to all of them, and load that continues during faults.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use amop::{Client, Error, ErrorKind, Event, Events, Message, Request, Retry, RunningHandler};
use amop_devnet::{Devnet, Generation};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::hostile::{self, HostilePeers};
use crate::oracle::{CallKind, GUARD, Oracle, Totals};
use crate::setup::{ECHO, INBOX, MIXED, NEWS, Setup, TRAP, nodes};

/// The pause of each load task after a call: short enough that calls are in flight at any time, and long enough for two
/// slow cores.
const REST: Duration = Duration::from_millis(10);
/// The deadline of unicasts to hostile peers.
const TRAP_TIMEOUT: Duration = Duration::from_secs(1);
/// The number of calls that must succeed before [`Scenario::wait_for_progress`] returns.
const ENOUGH: usize = 40;

/// A client and its events.
struct Watched {
    client: Client,
    events: Events,
}

/// The nodes, clients and load of one test.
pub(crate) struct Scenario {
    pub(crate) devnet: Devnet,
    pub(crate) oracle: Arc<Oracle>,
    setup: Setup,
    /// Publishers first, then subscribers, then the server.
    clients: Vec<Watched>,
    load: Vec<JoinHandle<()>>,
    pub(crate) hostile: Option<HostilePeers>,
    stop: Arc<AtomicBool>,
}

impl Scenario {
    /// Starts the default [`Setup`] with so many nodes.
    pub(crate) async fn start(generation: Generation, count: usize) -> Scenario {
        Setup::new(generation, nodes(generation, count)).start().await
    }

    /// Starts a scenario. When this returns, every client is connected to every node, and some calls have succeeded.
    pub(crate) async fn of(setup: Setup) -> Scenario {
        let devnet = setup.nodes.clone().start().await.expect("the devnet starts");
        // Nodes of 3.x give a unicast that they deliver again another id. Their broadcasts carry none, so that a client that
        // loses the connection from which it takes them can't know a late copy on another one.
        let may_repeat = setup.generation == Generation::V3 && !setup.patient;
        let oracle = Arc::new(Oracle::new(may_repeat));
        let mut clients = Vec::new();
        for _ in 0..=setup.publishers + setup.subscribers {
            let client = setup.client(&devnet).connect().await.expect("the client connects");
            clients.push(Watched { events: client.events(), client });
        }
        let mut scenario = Scenario {
            devnet,
            oracle,
            setup,
            clients,
            load: Vec::new(),
            hostile: None,
            stop: Arc::default(),
        };
        scenario.all_connected().await;
        let Setup { publishers, subscribers, mixed, hostile, .. } = scenario.setup;
        for subscriber in publishers..publishers + subscribers {
            scenario.subscribe(subscriber, INBOX).await.expect("the subscription is confirmed");
            scenario.subscribe(subscriber, NEWS).await.expect("the subscription is confirmed");
            scenario.oracle.expect_broadcasts(NEWS, subscriber);
        }
        scenario.serve(ECHO).await;
        if mixed {
            scenario.serve(MIXED).await;
            scenario.subscribe(scenario.server(), MIXED).await.expect("the subscription is confirmed");
            scenario.oracle.expect_broadcasts(MIXED, scenario.server());
        }
        if let Some(seed) = hostile {
            scenario.hostile =
                Some(HostilePeers::start(scenario.setup.generation, &scenario.devnet.nodes(), seed));
            for publisher in 0..publishers {
                scenario.send(publisher, TRAP, CallKind::Hostile, Some(TRAP_TIMEOUT));
            }
        }
        for publisher in 0..publishers {
            scenario.send(publisher, ECHO, CallKind::Unicast, None);
            scenario.send(publisher, ECHO, CallKind::AtLeastOnce, None);
            scenario.send(publisher, INBOX, CallKind::Unicast, None);
            scenario.send(publisher, NEWS, CallKind::Broadcast, None);
            if mixed {
                scenario.send(publisher, MIXED, CallKind::Unicast, None);
                scenario.send(publisher, MIXED, CallKind::Broadcast, None);
            }
        }
        scenario.wait_for_progress().await;
        scenario
    }

    /// Returns a client. Publishers come first, then subscribers, then the server.
    pub(crate) fn client(&self, index: usize) -> &Client {
        &self.clients[index].client
    }

    /// Returns the number of clients.
    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    fn server(&self) -> usize {
        self.clients.len() - 1
    }

    /// Subscribes a client to a topic. The oracle records what it handles.
    pub(crate) fn subscribe(
        &self,
        client: usize,
        topic: &str,
    ) -> impl Future<Output = amop::Result<RunningHandler>> + Send + use<> {
        let (oracle, handler_time) = (self.oracle.clone(), self.setup.handler_time.clone());
        let handle = move |message: Message| {
            let call = (message.data() != hostile::PAYLOAD)
                .then(|| oracle.handled(client, message.seq(), message.data()));
            let time = call.map_or(Duration::ZERO, |call| handler_time(message.topic(), call));
            async move {
                if !time.is_zero() {
                    tokio::time::sleep(time).await;
                }
            }
        };
        self.client(client).subscribe(topic).timeout(GUARD).for_each(handle)
    }

    /// Makes the server answer the unicasts on a topic with their own payload.
    async fn serve(&self, topic: &str) {
        let (oracle, handler_time, server) =
            (self.oracle.clone(), self.setup.handler_time.clone(), self.server());
        let serve = self.client(server).serve(topic).timeout(GUARD).for_each(move |request: Request| {
            let call = (request.data() != hostile::PAYLOAD)
                .then(|| oracle.handled(server, request.message().seq(), request.data()));
            let time = call.map_or(Duration::ZERO, |call| handler_time(request.topic(), call));
            async move {
                tokio::time::sleep(time).await;
                request.data().clone()
            }
        });
        // The service continues after its guard is dropped.
        serve.await.expect("the service is confirmed");
    }

    /// Starts a load task of a publisher, which makes one call after the other.
    fn send(&mut self, publisher: usize, topic: &'static str, kind: CallKind, timeout: Option<Duration>) {
        let (client, oracle, stop) = (self.client(publisher).clone(), self.oracle.clone(), self.stop.clone());
        self.load.push(tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                call(&client, &oracle, topic, kind, timeout).await;
                tokio::time::sleep(REST).await;
            }
        }));
    }

    /// Waits until more calls have succeeded.
    pub(crate) async fn wait_for_progress(&self) {
        let before = self.oracle.done();
        self.oracle.wait_until("calls that succeed", |oracle| oracle.done() >= before + ENOUGH).await;
    }

    /// Waits until every client has received an event.
    pub(crate) async fn wait_for_event(&mut self, what: &str, mut matches: impl FnMut(&Event) -> bool) {
        for watched in &mut self.clients {
            watched.wait_for(what, &mut matches).await;
        }
    }

    /// Waits until every client is connected to every node.
    pub(crate) async fn all_connected(&mut self) {
        let nodes = self.devnet.len();
        for watched in &mut self.clients {
            let client = watched.client.clone();
            if !is_everywhere(&client, nodes) {
                watched.wait_for("a connection to every node", |_| is_everywhere(&client, nodes)).await;
            }
        }
    }

    /// Checks that all clients recover now that all faults are repaired, stops the load, closes the clients, and lets
    /// the oracle check all calls. `row` is the name in the printed line.
    pub(crate) async fn finish(mut self, row: &str) -> Totals {
        let repaired = Instant::now();
        self.all_connected().await;
        let connected_in = repaired.elapsed();
        for publisher in 0..self.setup.publishers {
            let client = self.client(publisher).clone();
            self.wait_for_reply(&client).await;
            self.wait_for_broadcast(&client).await;
        }
        let recovered_in = repaired.elapsed();
        self.wait_for_progress().await;
        self.stop.store(true, Ordering::Relaxed);
        for worker in self.load {
            worker.await.expect("a load task ends");
        }
        if let Some(hostile) = self.hostile {
            hostile.stop().await;
        }
        let all_received = |oracle: &Oracle| oracle.totals().copies_missed == 0;
        if self.setup.steady {
            self.oracle.wait_until("every copy of every acknowledged broadcast", all_received).await;
        } else {
            // Some were sent while a subscriber was not connected. Wait for those that are still being delivered.
            self.oracle.holds_within(Duration::from_secs(1), all_received).await;
        }
        let mut retries = 0;
        for Watched { client, .. } in &self.clients {
            let losses = client.stats().total().losses;
            assert!(!self.setup.steady || losses == 0, "{row}: {losses} connections were lost");
            // Everything that a close waits for ends before its time limit.
            let closed = tokio::time::timeout(GUARD, client.close_within(10 * GUARD)).await;
            closed.unwrap_or_else(|_| panic!("{row}: a close does not return")).expect("the client closes");
            let stats = client.stats();
            retries += stats.retries;
            assert_eq!(stats.held_bytes, 0, "{row}: payload is still held");
            for endpoint in &stats.endpoints {
                assert_eq!((endpoint.in_flight, endpoint.queued_bytes), (0, 0), "{row}: {endpoint:?}");
            }
        }
        let totals = self.oracle.verify();
        println!(
            "{row}: {totals}; {retries} retries; connected again after {connected_in:.1?}, recovered after \
             {recovered_in:.1?}"
        );
        totals
    }

    /// Makes unicasts until one is answered. Effects of a fault may still reach a client after the repair, and on a
    /// busy machine a connection can be lost at any time, so that a call may fail.
    async fn wait_for_reply(&self, publisher: &Client) {
        let begun = Instant::now();
        loop {
            let call = self.oracle.begin(ECHO, CallKind::Unicast);
            let outcome = publisher.publish(ECHO, call.to_string()).wait_for_subscriber(true).await;
            self.oracle.end(call, outcome.clone());
            match outcome {
                Ok(_) => return,
                Err(error) if begun.elapsed() < GUARD => println!("trying again after: {error}"),
                Err(error) => panic!("no unicast is answered after the repair: {error}"),
            }
        }
    }

    /// Makes broadcasts until one reaches every subscriber. On a busy machine a connection can be lost at any time.
    async fn wait_for_broadcast(&self, publisher: &Client) {
        let begun = Instant::now();
        while begun.elapsed() < GUARD {
            let call = self.oracle.begin(NEWS, CallKind::Broadcast);
            self.oracle.end(call, publisher.broadcast(NEWS, call.to_string()).await);
            let all = |oracle: &Oracle| oracle.has_reached_all(call);
            if self.oracle.holds_within(Duration::from_secs(3), all).await {
                return;
            }
        }
        panic!("no broadcast reaches all subscribers after the repair");
    }
}

impl Watched {
    async fn wait_for(&mut self, what: &str, mut matches: impl FnMut(&Event) -> bool) {
        let received = async { while !matches(&self.events.next().await.expect("the client is open")) {} };
        if tokio::time::timeout(GUARD, received).await.is_err() {
            panic!("still waiting for: {what}; {:?}", self.client.stats());
        }
    }
}

fn is_everywhere(client: &Client, nodes: usize) -> bool {
    let endpoints = client.stats().endpoints;
    endpoints.len() == nodes && endpoints.iter().all(|endpoint| endpoint.connected)
}

/// Makes one call of the load. Its completion callback records the outcome, so that the oracle sees repeated ones.
async fn call(
    client: &Client,
    oracle: &Arc<Oracle>,
    topic: &'static str,
    kind: CallKind,
    timeout: Option<Duration>,
) {
    let call = oracle.begin(topic, kind);
    let (ended, has_ended) = oneshot::channel();
    let recorder = oracle.clone();
    let payload = call.to_string();
    let started = match kind {
        CallKind::Broadcast => client.broadcast(topic, payload).start(move |outcome| {
            recorder.end(call, outcome);
            // The load task waits for this unless the test has failed.
            let _ = ended.send(());
        }),
        CallKind::Unicast | CallKind::AtLeastOnce | CallKind::Hostile => {
            let retry = if kind == CallKind::AtLeastOnce { Retry::AtLeastOnce } else { Retry::Definite };
            let mut publish = client.publish(topic, payload.clone()).retry(retry);
            if let Some(timeout) = timeout {
                publish = publish.timeout(timeout);
            }
            let expected = if topic == INBOX { String::new() } else { payload };
            publish.start(move |outcome| {
                let outcome = outcome.and_then(|reply| match reply.data() {
                    data if *data == expected || kind == CallKind::Hostile => Ok(()),
                    data => Err(Error::undelivered(
                        ErrorKind::Internal,
                        format!("a reply to another call: {data:?}"),
                    )),
                });
                recorder.end(call, outcome);
                let _ = ended.send(());
            })
        }
    };
    match started {
        Ok(_) => {
            tokio::time::timeout(2 * GUARD, has_ended).await.expect("a call ends").expect("its callback runs")
        }
        Err(error) => oracle.end(call, Err::<(), _>(error)),
    }
}
