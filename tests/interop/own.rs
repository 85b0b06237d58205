//! This client as a party.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use amop::{
    Client, Error, Message, PrivateKey, PrivateTopic, PublicKey, Reply, Request, RunningHandler, Tls,
};
use tokio::runtime::Runtime;

use crate::party::{Answer, Publisher, Result, Subscriber};

/// What it is called.
pub(crate) const NAME: &str = "amop";

/// When a message is given up on; nothing waits for it to pass.
const GUARD: Duration = Duration::from_secs(60);

/// A client of this library, for one node.
pub(crate) struct Own {
    runtime: Runtime,
    client: Client,
    tell: Sender<(String, Vec<u8>)>,
    messages: Receiver<(String, Vec<u8>)>,
    handlers: Vec<RunningHandler>,
    private: Vec<PrivateTopic>,
}

fn in_words(error: Error) -> String {
    error.to_string()
}

impl Own {
    /// Connects.
    pub(crate) fn connect(node: &str, credentials: &str, tls: Tls) -> Own {
        let runtime = Runtime::new().expect("there are threads to be had");
        let client = Client::builder().endpoint(node).tls(tls).call_timeout(GUARD);
        let client = if tls == Tls::Off { client } else { client.credentials(credentials) };
        let client = runtime.block_on(async { client.connect().await }).expect("it gets in");
        let (tell, messages) = channel();
        Own { runtime, client, tell, messages, handlers: Vec::new(), private: Vec::new() }
    }

    /// Subscribes to a topic and serves it, with a key if it is private.
    fn consume(&mut self, topic: &str, answer: &Answer, key: Option<PrivateKey>) -> Result<()> {
        let (answer, served, heard) = (answer.clone(), self.tell.clone(), self.tell.clone());
        // A message for a receiver that is gone is of no interest any more.
        let (serve, listen) = (self.client.serve(topic), self.client.subscribe(topic));
        let (serve, listen) = match key {
            Some(key) => (serve.key(key.clone()), listen.key(key)),
            None => (serve, listen),
        };
        let serve = serve.for_each(move |request: Request| {
            let data = request.data().to_vec();
            let _ = served.send((request.topic().to_owned(), data.clone()));
            let reply = match &answer {
                Answer::Data(reply) => reply.clone(),
                Answer::Echo => data,
            };
            async move { reply }
        });
        let listen = listen.for_each_blocking(move |message: Message| {
            let _ = heard.send((message.topic().to_owned(), message.data().to_vec()));
        });
        let handlers = async { Ok([serve.await?, listen.await?]) };
        self.handlers.extend(self.runtime.block_on(handlers).map_err(in_words)?);
        Ok(())
    }

    fn private(&self, topic: &str) -> Result<&PrivateTopic> {
        let found = self.private.iter().find(|private| private.topic() == topic);
        found.ok_or_else(|| format!("{topic} was not announced"))
    }

    fn finish(self) -> Result<()> {
        self.runtime.block_on(self.client.close()).map_err(in_words)?;
        match self.messages.try_recv() {
            Ok((topic, _)) => Err(format!("nobody waited for a message on {topic:?}")),
            Err(_) => Ok(()),
        }
    }
}

impl Publisher for Own {
    fn announce_private(&mut self, topic: &str, public_keys: &[&str]) -> Result<()> {
        let keys: amop::Result<Vec<_>> = public_keys.iter().map(PublicKey::read).collect();
        let keys = keys.map_err(in_words)?;
        if let Ok(announced) = self.private(topic) {
            return announced.allow(keys).map_err(in_words);
        }
        self.private.push(self.client.private_topic(topic).allow(keys).map_err(in_words)?);
        Ok(())
    }

    fn publish(&mut self, private: bool, topic: &str, data: &[u8]) -> Result<Vec<u8>> {
        let call = match private {
            true => self.private(topic)?.publish(data.to_vec()),
            false => self.client.publish(topic, data.to_vec()),
        };
        self.runtime
            .block_on(async { call.await })
            .map(|reply: Reply| reply.data().to_vec())
            .map_err(in_words)
    }

    fn multicast(&mut self, private: bool, topic: &str, data: &[u8]) -> Result<()> {
        let call = match private {
            true => self.private(topic)?.broadcast(data.to_vec()),
            false => self.client.broadcast(topic, data.to_vec()),
        };
        self.runtime.block_on(async { call.await }).map_err(in_words)
    }

    fn burst(&mut self, topic: &str, count: usize) -> Result<()> {
        self.runtime.block_on(async {
            let calls = (0..count).map(|number| {
                let call = self.client.publish(topic, number.to_string());
                async move {
                    let reply = call.await.map_err(in_words)?;
                    let right = reply.data() == number.to_string().as_bytes();
                    if right { Ok(()) } else { Err(format!("{number} was answered {:?}", reply.data())) }
                }
            });
            futures::future::try_join_all(calls).await.map(drop)
        })
    }

    fn end(self: Box<Self>) -> Result<()> {
        self.finish()
    }
}

impl Subscriber for Own {
    fn subscribe(&mut self, topic: &str, answer: &Answer) -> Result<()> {
        self.consume(topic, answer, None)
    }

    fn subscribe_private(&mut self, topic: &str, answer: &Answer, private_key: &str) -> Result<()> {
        let key = PrivateKey::read(private_key, None).map_err(in_words)?;
        self.consume(topic, answer, Some(key))
    }

    fn unsubscribe_private(&mut self, topic: &str) -> Result<()> {
        let handlers = self.handlers.iter_mut().filter(|handler| handler.topic() == topic);
        handlers.for_each(RunningHandler::leave);
        Ok(())
    }

    fn received(&mut self) -> Result<(String, Vec<u8>)> {
        self.messages.recv_timeout(GUARD).map_err(|_| format!("no message within {} s", GUARD.as_secs()))
    }

    fn end(self: Box<Self>) -> Result<()> {
        self.finish()
    }
}
