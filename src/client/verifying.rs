//! The verification of the subscribers of private topics, for publishers.
//!
//! A node asks a publisher to verify the subscribers at another node, and the session acknowledges that at once. Here the
//! subscriber is challenged, through whichever node reaches it, and the outcome goes to the node that has asked, over the
//! connection on which it has. Without an outcome the node asks again every 5 s.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::core::ClientCore;
use super::link::Link;
use super::options::Retry;
use super::sending::Outgoing;
use super::verifications::{Between, Requested, Standing};
use crate::delivery::Event;
use crate::error::{Error, ErrorKind};
use crate::private::{Challenge, Verdict};
use crate::protocol::{ToVerify, Topic, Verification};
use crate::session::{CallKind, Command};

/// How long a subscriber has to answer. Its node gives it 5 s, and the publisher's node asks every 5 s.
const CHALLENGE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a node has to answer which topics its peers list.
const QUERY_TIMEOUT: Duration = Duration::from_secs(2);

/// How a verification ended.
#[derive(Debug)]
enum Outcome {
    /// The node is to be told.
    Decided(Verdict),
    /// The subscriber could not be challenged, for this reason.
    Undecided(String),
    /// Nothing is known of the subscriber: this client has no connection, or closes.
    Unknown,
}

/// Verifies subscribers until the client ends.
pub(super) async fn verify_subscribers(core: Weak<ClientCore>, mut requests: mpsc::Receiver<Requested>) {
    while let Some(requested) = requests.recv().await {
        let Some(core) = core.upgrade() else { return };
        let Requested { link, epoch, request } = requested;
        let key = (link, epoch, request.topic.clone(), request.node_id.clone());
        let (Some(link), Some(running)) = (core.links.by_id(link), core.verifications.enter(key)) else {
            continue;
        };
        let runtime = core.runtime.handle().clone();
        runtime.spawn(async move {
            let _running = running;
            // A client that closes needs no outcome.
            let _ = core.unless_closing(Box::pin(core.verify(&link, epoch, request))).await;
        });
    }
}

impl ClientCore {
    async fn verify(self: &Arc<Self>, link: &Arc<Link>, epoch: u64, request: ToVerify) {
        let ToVerify { topic, node_id, channel } = request;
        let between =
            Between { topic: topic.clone(), endpoint: link.endpoint.clone(), node_id: (*node_id).into() };
        self.verifications.begin(&between);
        let outcome = self.challenge(link, &topic, &node_id, &channel).await;
        let (standing, verified) = match outcome {
            Outcome::Unknown => return,
            Outcome::Undecided(reason) => (Standing::Rejected { key: None, reason: reason.into() }, None),
            Outcome::Decided(Verdict::NoSignature(len)) => {
                let reason = format!(
                    "the answer to the challenge has {len} bytes and is no signature; the node asks again every 5 s"
                );
                (Standing::Rejected { key: None, reason: reason.into() }, None)
            }
            Outcome::Decided(Verdict::Verified(key)) => (Standing::Verified(key), Some(true)),
            Outcome::Decided(Verdict::Wrong(key)) => {
                let reason = "the signature is not one of an allowed key; the node asks again only after the subscriber \
                              has left the topic for some 5 s";
                (Standing::Rejected { key, reason: reason.into() }, Some(false))
            }
        };
        if let Some(verified) = verified {
            // The node forgets with the connection that it has asked, and asks again on the next one.
            let verification = Verification { topic, node_id, verified };
            let _ = link.handle.send(Command::Verified { epoch, verification });
        }
        self.stands(between, standing);
    }

    /// Stores a standing and emits its event.
    fn stands(&self, between: Between, standing: Standing) {
        let is_new = self.verifications.set(&between, standing.clone());
        let Between { topic, endpoint, node_id } = between;
        let topic: Arc<str> = topic.name().into();
        match standing {
            Standing::Pending => {}
            Standing::Verified(key) => {
                tracing::info!(%topic, %endpoint, %node_id, %key, "a subscriber of a private topic is verified");
                self.delivery.events.emit(Event::Verified { topic, endpoint, node_id, key });
            }
            Standing::Rejected { key, reason } if is_new => {
                tracing::warn!(%topic, %endpoint, %node_id, %reason, "a subscriber of a private topic is not verified");
                self.delivery.events.emit(Event::Rejected { topic, endpoint, node_id, key, reason });
            }
            Standing::Rejected { .. } => {}
        }
    }

    /// Challenges the subscribers of a private topic at another node.
    async fn challenge(
        self: &Arc<Self>,
        link: &Arc<Link>,
        topic: &Topic,
        node_id: &str,
        proposed: &str,
    ) -> Outcome {
        let channel = match topic.own_verify_channel(proposed) {
            Some(channel) => channel,
            None => match self.verify_channel(link, topic, node_id).await {
                Ok(channel) => channel,
                Err(reason) => return Outcome::Undecided(reason),
            },
        };
        let Ok(challenge) = Challenge::new() else { return Outcome::Unknown };
        let call = Outgoing {
            core: self.clone(),
            kind: CallKind::Publish,
            topic: channel,
            data: Bytes::copy_from_slice(challenge.as_bytes()),
            deadline: Instant::now() + CHALLENGE_TIMEOUT,
            timeout: CHALLENGE_TIMEOUT,
            retry: Retry::Definite,
            wait: false,
            all_nodes: false,
        };
        let reply = match call.run().await {
            Ok(reply) => reply,
            Err(error) => return unanswered(&error),
        };
        match self.registry().allowed_keys(topic) {
            Some(allowed) => Outcome::Decided(challenge.verify(reply.data(), &allowed)),
            // The last publisher has gone.
            None => Outcome::Unknown,
        }
    }

    /// Looks up the topic on which subscribers at a node are challenged. Nodes propose the first topic that begins with the
    /// name of the private one, which may belong to another private topic.
    async fn verify_channel(&self, link: &Arc<Link>, topic: &Topic, node_id: &str) -> Result<Topic, String> {
        let (done, answer) = oneshot::channel();
        let _ = link.handle.send(Command::Survey { topic: topic.clone(), done: Some(done) });
        let _ = self.runtime.until(Instant::now() + QUERY_TIMEOUT, answer).await;
        let channels = link.handle.views.latest().and_then(|view| view.verify_channels(topic, node_id));
        match channels.map(|channels| channels.into_iter().next()) {
            Some(Some(channel)) => Ok(channel),
            Some(None) => Err("the node proposed the channel of another private topic, one with a longer name, and its \
                               answer to getPeers lists none for this topic; it asks again every 5 s"
                .to_owned()),
            None => Err("the node proposed the channel of another private topic, one with a longer name, and does not \
                         answer getPeers, which would show the right one; it asks again every 5 s"
                .to_owned()),
        }
    }
}

/// Returns what it means that a challenge was not answered. The texts of such errors name the topic on the wire.
fn unanswered(error: &Error) -> Outcome {
    let what = match error.kind() {
        ErrorKind::Closed | ErrorKind::NotConnected | ErrorKind::ConnectionLost => return Outcome::Unknown,
        ErrorKind::NoSubscriber => "is not listed any more, or not yet".to_owned(),
        ErrorKind::OwnNodeOnly => {
            "is at nodes of this client that don't deliver to their own SDKs".to_owned()
        }
        _ => match error.node_code() {
            Some(code) => format!("did not answer the challenge (code {code})"),
            None => "did not answer the challenge in time".to_owned(),
        },
    };
    Outcome::Undecided(format!("the subscriber {what}; the node asks again every 5 s"))
}
