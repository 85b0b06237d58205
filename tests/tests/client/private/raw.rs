//! A subscriber that speaks in frames, so that it can answer challenges as it likes.

use amop::protocol::Seq;
use amop::protocol::channel::{MessageType, amop as body, topic_list};
use amop_devnet::Node;
use amop_tests::wire::Wire;

use crate::fixture::soon;

/// The capacity of the stream in memory.
const BUFFER: usize = 256 * 1024;

/// A client of a node, without a handshake.
pub(super) struct Raw {
    wire: Wire,
}

/// A unicast that has arrived.
pub(super) struct Challenge {
    pub(super) seq: Seq,
    pub(super) topic: Vec<u8>,
    pub(super) data: Vec<u8>,
}

impl Raw {
    /// Connects and subscribes.
    pub(super) async fn subscriber(node: &Node, topics: &[&str]) -> Raw {
        let (stream, served) = tokio::io::duplex(BUFFER);
        assert!(node.attach(served), "the node is up");
        let mut raw = Raw { wire: Wire::channel(stream) };
        raw.subscribe(topics).await;
        raw
    }

    /// Replaces the topics.
    pub(super) async fn subscribe(&mut self, topics: &[&str]) {
        self.send(
            MessageType::TopicList,
            Seq::from_halves(0, 1),
            &topic_list::encode(topics.iter().copied()),
        )
        .await;
    }

    pub(super) async fn send(&mut self, kind: MessageType, seq: Seq, body: &[u8]) {
        let frame = self.wire.frame(kind.to_wire(), seq.as_bytes(), 0, body);
        self.wire.send(&frame).await.expect("the session is alive");
    }

    /// Sends a unicast and returns the result code and the data of its answer.
    pub(super) async fn ask(&mut self, topic: &str, data: &[u8]) -> (i32, Vec<u8>) {
        let seq = Seq::from_halves(7, 7);
        self.send(MessageType::Request, seq, &with_topic(topic.as_bytes(), data)).await;
        soon("the answer", async {
            loop {
                let (kind, found, result, body) = self.frame().await;
                if kind == MessageType::Response && found == seq {
                    return (result, body::split(&body).map(|(_, data)| data.to_vec()).unwrap_or_default());
                }
            }
        })
        .await
    }

    /// Returns the next unicast.
    pub(super) async fn challenge(&mut self) -> Challenge {
        soon("a challenge", async {
            loop {
                let (kind, seq, _, body) = self.frame().await;
                if kind == MessageType::Request {
                    let (topic, data) = body::split(&body).expect("a topic body");
                    return Challenge { seq, topic: topic.to_vec(), data: data.to_vec() };
                }
            }
        })
        .await
    }

    /// Answers a unicast.
    pub(super) async fn answer(&mut self, challenge: &Challenge, data: &[u8]) {
        self.send(MessageType::Response, challenge.seq, &with_topic(&challenge.topic, data)).await;
    }

    /// Answers challenges by what `give` returns, until `event` is ready. A publisher waits 5 s for an answer, so that on a
    /// busy machine the first may come too late.
    pub(super) async fn answer_until<T>(
        &mut self,
        event: impl Future<Output = T>,
        mut give: impl AsyncFnMut(&[u8]) -> Vec<u8>,
    ) -> T {
        let mut event = std::pin::pin!(event);
        loop {
            let challenge = tokio::select! {
                found = &mut event => return found,
                challenge = self.challenge() => challenge,
            };
            let data = give(&challenge.data).await;
            self.answer(&challenge, &data).await;
        }
    }

    async fn frame(&mut self) -> (MessageType, Seq, i32, Vec<u8>) {
        let frame = self.wire.next_frame().await.expect("the session is alive");
        let seq = Seq::new(frame.seq.try_into().expect("an id of 32 bytes"));
        (MessageType::from_wire(frame.kind), seq, frame.result, frame.body)
    }
}

fn with_topic(topic: &[u8], data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    body::put_topic(&mut out, topic);
    out.extend_from_slice(data);
    out
}
