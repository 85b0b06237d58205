//! A node's listener. It accepts connections and starts a task for each.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection_handler::ConnectionHandler;
use crate::counters::NodeCounters;
use crate::session_guard::SessionContext;

/// How long a listener waits after a failed accept, which mostly means that the process is out of descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// The tasks of a running node.
#[derive(Clone, Debug)]
pub(crate) struct Tasks {
    /// Cancels all of them.
    pub(crate) cut: CancellationToken,
    pub(crate) tracker: TaskTracker,
}

impl Tasks {
    pub(crate) fn new() -> Tasks {
        Tasks { cut: CancellationToken::new(), tracker: TaskTracker::new() }
    }
}

/// An open port.
#[derive(Debug)]
pub(crate) struct Listener {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Listener {
    /// Starts to accept connections. Their tasks are spawned in `tasks`.
    pub(crate) fn open(
        listener: TcpListener,
        context: SessionContext,
        handler: Arc<ConnectionHandler>,
        tasks: &Tasks,
        runtime: &tokio::runtime::Handle,
    ) -> Listener {
        let stop = tasks.cut.child_token();
        let listen =
            stop.clone().run_until_cancelled_owned(listen(listener, context, handler, tasks.clone()));
        let task = async move {
            listen.await;
        };
        Listener { stop, task: tasks.tracker.spawn_on(task, runtime) }
    }

    /// Closes the port, which is free when this returns. Connections stay.
    pub(crate) async fn close(self) {
        self.stop.cancel();
        // The task never panics: an error means that its runtime was shut down.
        let _ = self.task.await;
    }
}

async fn listen(
    listener: TcpListener,
    context: SessionContext,
    handler: Arc<ConnectionHandler>,
    tasks: Tasks,
) {
    loop {
        let tcp = match listener.accept().await {
            Ok((tcp, _)) => tcp,
            Err(error) => {
                tracing::warn!(node = context.node, "a connection could not be accepted: {error}");
                sleep(ACCEPT_RETRY_DELAY).await;
                continue;
            }
        };
        NodeCounters::add(&context.counters.accepted, 1);
        let (handler, context) = (handler.clone(), context.clone());
        let connection = async move { handler.handle(tcp, context).await };
        tasks.tracker.spawn(tasks.cut.clone().run_until_cancelled_owned(connection));
    }
}
