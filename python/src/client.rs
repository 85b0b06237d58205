//! The native part of clients, for threads and for asyncio: a call waits on the calling thread or, with a bridge, is
//! an asyncio future.

use std::future::IntoFuture;
use std::sync::Arc;

use amop::{Broadcast, HandlerReports, Publish};
use pyo3::PyClass;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::bridge::{Bridge, run};
use crate::completions::{Completions, Started};
use crate::error::{Result, checked};
use crate::guard::Guard;
use crate::handler::{Handler, Runner};
use crate::inbox::{Inbox, Source};
use crate::live::Live;
use crate::message::Reply;
use crate::options::{self, Bounds, Given, set};
use crate::owned::Owned;
use crate::payload::Payload;
use crate::private_topic::{PrivateTopic, public_keys};
use crate::stats::Stats;
use crate::units::{optional_seconds, seconds};
use crate::waiting::wait;
use crate::{exit, log};

/// Returns a new Python object.
fn object<T: PyClass + Into<PyClassInitializer<T>>>(py: Python<'_>, value: T) -> Result<Py<PyAny>> {
    Ok(Py::new(py, value)?.into_any())
}

/// The native part of a client.
#[pyclass(frozen, module = "amop._amop")]
pub(crate) struct Client(Arc<Owned<Live>>);

impl Client {
    fn live(&self, py: Python<'_>) -> Result<&Live> {
        checked(py, self.0.get())
    }
}

/// Returns a client that is connected.
fn connected(py: Python<'_>, client: amop::Client) -> Result<Py<PyAny>> {
    let live = Arc::new(Owned::new(Live { client, completions: Completions::default() }));
    exit::register(&live);
    object(py, Client(live))
}

/// Connects a client in an event loop. Returns an inbox for all its events at once, and an asyncio future for
/// the client.
#[pyfunction]
pub(crate) fn connect_listening(
    py: Python<'_>,
    endpoints: Vec<String>,
    options: &Bound<'_, PyDict>,
    bridge: &Bridge,
) -> Result<(Inbox, Py<PyAny>)> {
    log::start(py)?;
    let (builder, events) = options::client(py, endpoints, options)?.listen();
    let connecting = bridge.start_detached(py, builder.connect(), connected)?;
    Ok((Inbox::new(Source::Events(events)), connecting))
}

/// Connects a client.
#[pyfunction]
#[pyo3(signature = (endpoints, options, bridge = None))]
pub(crate) fn connect(
    py: Python<'_>,
    endpoints: Vec<String>,
    options: &Bound<'_, PyDict>,
    bridge: Option<&Bridge>,
) -> Result<Py<PyAny>> {
    log::start(py)?;
    let builder = options::client(py, endpoints, options)?;
    match bridge {
        None => run(py, None, builder.connect(), connected),
        // Its first poll reads files.
        Some(bridge) => bridge.start_detached(py, builder.connect(), connected),
    }
}

#[pymethods]
impl Client {
    /// Sends a unicast and returns its reply.
    #[pyo3(signature = (topic, data, timeout, wait_for_subscriber, retry, private, bridge = None))]
    #[allow(clippy::too_many_arguments)]
    fn publish(
        &self,
        py: Python<'_>,
        topic: &str,
        data: Payload,
        timeout: Option<f64>,
        wait_for_subscriber: bool,
        retry: Option<&str>,
        private: bool,
        bridge: Option<&Bridge>,
    ) -> Result<Py<PyAny>> {
        let publish = self.publishing(py, topic, data, timeout, wait_for_subscriber, retry, private)?;
        run(py, bridge, publish.into_future(), |py, reply| object(py, Reply::new(reply)))
    }

    /// Sends a broadcast.
    #[pyo3(signature = (topic, data, timeout, wait_for_subscriber, all_nodes, retry, private, bridge = None))]
    #[allow(clippy::too_many_arguments)]
    fn broadcast(
        &self,
        py: Python<'_>,
        topic: &str,
        data: Payload,
        timeout: Option<f64>,
        wait_for_subscriber: bool,
        all_nodes: bool,
        retry: Option<&str>,
        private: bool,
        bridge: Option<&Bridge>,
    ) -> Result<Py<PyAny>> {
        let broadcast =
            self.broadcasting(py, topic, data, timeout, wait_for_subscriber, all_nodes, retry, private)?;
        run(py, bridge, broadcast.into_future(), |py, ()| Ok(py.None()))
    }

    /// Opens a private topic to publish on.
    fn private_topic(&self, py: Python<'_>, topic: &str, keys: Vec<Payload>) -> Result<PrivateTopic> {
        let keys = public_keys(py, keys)?;
        checked(py, self.live(py)?.client.private_topic(topic).allow(keys)).map(PrivateTopic::new)
    }

    /// Sends a unicast; a `concurrent.futures` future gets the result.
    #[allow(clippy::too_many_arguments)]
    fn start_publish(
        &self,
        py: Python<'_>,
        topic: &str,
        data: Payload,
        timeout: Option<f64>,
        wait_for_subscriber: bool,
        retry: Option<&str>,
        private: bool,
        future: Py<PyAny>,
    ) -> Result<Started> {
        let live = self.live(py)?;
        let publish = self.publishing(py, topic, data, timeout, wait_for_subscriber, retry, private)?;
        let done = checked(py, live.completions.callback(&live.client, future, Some))?;
        checked(py, publish.start(done)).map(Started::new)
    }

    /// Sends a broadcast; a `concurrent.futures` future gets the result.
    #[allow(clippy::too_many_arguments)]
    fn start_broadcast(
        &self,
        py: Python<'_>,
        topic: &str,
        data: Payload,
        timeout: Option<f64>,
        wait_for_subscriber: bool,
        all_nodes: bool,
        retry: Option<&str>,
        private: bool,
        future: Py<PyAny>,
    ) -> Result<Started> {
        let live = self.live(py)?;
        let broadcast =
            self.broadcasting(py, topic, data, timeout, wait_for_subscriber, all_nodes, retry, private)?;
        let done = checked(py, live.completions.callback(&live.client, future, |()| None))?;
        checked(py, broadcast.start(done)).map(Started::new)
    }

    /// Subscribes; messages are read from the returned inbox.
    #[pyo3(signature = (topic, given, bridge = None))]
    fn subscribe(
        &self,
        py: Python<'_>,
        topic: &str,
        given: Given,
        bridge: Option<&Bridge>,
    ) -> Result<Py<PyAny>> {
        let subscribe = self.subscribing(py, topic, given)?;
        run(py, bridge, subscribe.into_future(), |py, subscription| {
            object(py, Inbox::new(Source::Messages(subscription)))
        })
    }

    /// Subscribes with a handler that runs on dispatcher threads.
    fn subscribe_handler(
        &self,
        py: Python<'_>,
        topic: &str,
        given: Given,
        handler: &Bound<'_, Handler>,
    ) -> Result<Guard> {
        let runner = Runner::new(handler, topic, self.reports(py)?)?;
        let subscribe = self.subscribing(py, topic, given)?;
        let handling = subscribe.for_each_batch_blocking(move |ready| runner.messages(ready));
        wait(py, handling).map(Guard::new)
    }

    /// Subscribes with a handler that runs in an event loop. Returns an inbox for it at once, and an asyncio future
    /// for its guard, which completes when a node has listed the topic.
    fn subscribe_elsewhere(
        &self,
        py: Python<'_>,
        topic: &str,
        given: Given,
        bridge: &Bridge,
    ) -> Result<(Inbox, Py<PyAny>)> {
        let subscribe = self.subscribing(py, topic, given)?;
        let (subscription, confirmed) = checked(py, subscribe.with_external_handler())?;
        let confirmed = bridge.start(py, confirmed, |py, guard| object(py, Guard::new(guard)))?;
        Ok((Inbox::new(Source::Messages(subscription)), confirmed))
    }

    /// Serves; requests are read from the returned inbox.
    #[pyo3(signature = (topic, given, bridge = None))]
    fn serve(&self, py: Python<'_>, topic: &str, given: Given, bridge: Option<&Bridge>) -> Result<Py<PyAny>> {
        let serve = self.serving(py, topic, given)?;
        run(py, bridge, serve.into_future(), |py, requests| {
            object(py, Inbox::new(Source::Requests(requests)))
        })
    }

    /// Serves with a handler that runs on dispatcher threads.
    fn serve_handler(
        &self,
        py: Python<'_>,
        topic: &str,
        given: Given,
        handler: &Bound<'_, Handler>,
    ) -> Result<Guard> {
        let runner = Runner::new(handler, topic, self.reports(py)?)?;
        let serve = self.serving(py, topic, given)?;
        let handling = serve.for_each_batch_blocking(move |ready| runner.requests(ready));
        wait(py, handling).map(Guard::new)
    }

    /// Serves with a handler that runs in an event loop; as `subscribe_elsewhere`.
    fn serve_elsewhere(
        &self,
        py: Python<'_>,
        topic: &str,
        given: Given,
        bridge: &Bridge,
    ) -> Result<(Inbox, Py<PyAny>)> {
        let serve = self.serving(py, topic, given)?;
        let (requests, confirmed) = checked(py, serve.with_external_handler())?;
        let confirmed = bridge.start(py, confirmed, |py, guard| object(py, Guard::new(guard)))?;
        Ok((Inbox::new(Source::Requests(requests)), confirmed))
    }

    /// Returns the events from now on.
    fn events(&self, py: Python<'_>) -> Result<Inbox> {
        Ok(Inbox::new(Source::Events(self.live(py)?.client.events())))
    }

    /// Reports the failure of a handler in an event loop.
    fn report_failed(&self, py: Python<'_>, topic: &str, text: &str) -> Result<()> {
        self.reports(py)?.failed(topic, text);
        Ok(())
    }

    fn stats(&self, py: Python<'_>) -> Result<Stats> {
        Ok(self.live(py)?.client.stats().into())
    }

    fn add_endpoint(&self, py: Python<'_>, endpoint: &str) -> Result<()> {
        checked(py, self.live(py)?.client.add_endpoint(endpoint))
    }

    fn remove_endpoint(&self, py: Python<'_>, endpoint: &str) -> Result<()> {
        checked(py, self.live(py)?.client.remove_endpoint(endpoint))
    }

    /// Loads the credentials again and makes the connections anew.
    #[pyo3(signature = (bridge = None))]
    fn reload_credentials(&self, py: Python<'_>, bridge: Option<&Bridge>) -> Result<Py<PyAny>> {
        let client = self.live(py)?.client.clone();
        let reloading = async move { client.reload_credentials().await };
        run(py, bridge, reloading, |py, ()| Ok(py.None()))
    }

    /// Returns the time that a close without a timeout takes at most, in seconds.
    #[getter]
    fn close_timeout(&self, py: Python<'_>) -> Result<f64> {
        Ok(self.live(py)?.client.close_timeout().as_secs_f64())
    }

    /// Closes the client.
    #[pyo3(signature = (timeout, bridge = None))]
    fn close(&self, py: Python<'_>, timeout: Option<f64>, bridge: Option<&Bridge>) -> Result<Py<PyAny>> {
        let closing = self.live(py)?.close(optional_seconds(py, "timeout", timeout)?);
        run(py, bridge, closing, |py, ()| Ok(py.None()))
    }

    /// Starts closing without waiting, for a handler, which would wait for itself.
    fn begin_close(&self, py: Python<'_>, timeout: Option<f64>) -> Result<()> {
        self.live(py)?.begin_close(optional_seconds(py, "timeout", timeout)?);
        Ok(())
    }
}

impl Client {
    fn reports(&self, py: Python<'_>) -> Result<HandlerReports> {
        Ok(self.live(py)?.client.handler_reports())
    }

    #[allow(clippy::too_many_arguments)]
    fn publishing(
        &self,
        py: Python<'_>,
        topic: &str,
        data: Payload,
        timeout: Option<f64>,
        wait_for_subscriber: bool,
        retry: Option<&str>,
        private: bool,
    ) -> Result<Publish> {
        let publish = self.live(py)?.client.publish(topic, data.0);
        let publish = publish.wait_for_subscriber(wait_for_subscriber).private(private);
        let publish = match timeout {
            Some(given) => publish.timeout(seconds(py, "timeout", given)?),
            None => publish,
        };
        match retry {
            Some(given) => Ok(publish.retry(options::retry(py, given)?)),
            None => Ok(publish),
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn broadcasting(
        &self,
        py: Python<'_>,
        topic: &str,
        data: Payload,
        timeout: Option<f64>,
        wait_for_subscriber: bool,
        all_nodes: bool,
        retry: Option<&str>,
        private: bool,
    ) -> Result<Broadcast> {
        let broadcast = self.live(py)?.client.broadcast(topic, data.0);
        let broadcast =
            broadcast.wait_for_subscriber(wait_for_subscriber).all_nodes(all_nodes).private(private);
        let broadcast = match timeout {
            Some(given) => broadcast.timeout(seconds(py, "timeout", given)?),
            None => broadcast,
        };
        match retry {
            Some(given) => Ok(broadcast.retry(options::retry(py, given)?)),
            None => Ok(broadcast),
        }
    }

    fn subscribing(&self, py: Python<'_>, topic: &str, given: Given) -> Result<amop::Subscribe> {
        let Bounds { max_messages, max_bytes, overflow, placement, confirm, timeout, key, .. } =
            given.check(py)?;
        let subscribe = self.live(py)?.client.subscribe(topic);
        let subscribe = set(subscribe, max_messages, amop::Subscribe::max_messages);
        let subscribe = set(subscribe, max_bytes, amop::Subscribe::max_bytes);
        let subscribe = set(subscribe, overflow, amop::Subscribe::overflow);
        let subscribe = set(subscribe, placement, amop::Subscribe::placement);
        let subscribe = set(subscribe, confirm, amop::Subscribe::confirm);
        let subscribe = set(subscribe, timeout, amop::Subscribe::timeout);
        Ok(set(subscribe, key, amop::Subscribe::key))
    }

    fn serving(&self, py: Python<'_>, topic: &str, given: Given) -> Result<amop::Serve> {
        let Bounds { max_messages, max_bytes, placement, confirm, timeout, concurrency, key, .. } =
            given.check(py)?;
        let serve = self.live(py)?.client.serve(topic);
        let serve = set(serve, concurrency, amop::Serve::concurrency);
        let serve = set(serve, max_messages, amop::Serve::max_messages);
        let serve = set(serve, max_bytes, amop::Serve::max_bytes);
        let serve = set(serve, placement, amop::Serve::placement);
        let serve = set(serve, confirm, amop::Serve::confirm);
        let serve = set(serve, timeout, amop::Serve::timeout);
        Ok(set(serve, key, amop::Serve::key))
    }
}
