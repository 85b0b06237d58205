//! A node's port: takes connections and starts a task for each.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection_handler::ConnectionHandler;
use crate::counters::NodeCounters;
use crate::session::SessionContext;

/// How long a listener waits when the system has no descriptor left for the next connection.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(50);

/// The tasks of a node while it runs.
#[derive(Clone, Debug)]
pub(crate) struct Tasks {
    /// Ends all of them, at once.
    pub(crate) cut: CancellationToken,
    pub(crate) tracker: TaskTracker,
}

impl Tasks {
    pub(crate) fn new() -> Tasks {
        Tasks { cut: CancellationToken::new(), tracker: TaskTracker::new() }
    }
}

/// A port that is open.
#[derive(Debug)]
pub(crate) struct Listener {
    deaf: CancellationToken,
    listening: JoinHandle<()>,
}

impl Listener {
    /// Starts to take connections; `tasks` are where they go.
    pub(crate) fn open(
        listener: TcpListener,
        context: SessionContext,
        handler: Arc<ConnectionHandler>,
        tasks: &Tasks,
        runtime: &tokio::runtime::Handle,
    ) -> Listener {
        let deaf = tasks.cut.child_token();
        let listen =
            deaf.clone().run_until_cancelled_owned(listen(listener, context, handler, tasks.clone()));
        let task = async move {
            listen.await;
        };
        Listener { deaf, listening: tasks.tracker.spawn_on(task, runtime) }
    }

    /// Closes the port, which is free when this returns; connections stay.
    pub(crate) async fn close(self) {
        self.deaf.cancel();
        // It ends by being cancelled or with its runtime.
        let _ = self.listening.await;
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
                tracing::warn!(node = context.node, "a connection can't be taken: {error}");
                sleep(OUT_OF_DESCRIPTORS).await;
                continue;
            }
        };
        NodeCounters::add(&context.counters.accepted, 1);
        let (handler, context) = (handler.clone(), context.clone());
        let connection = async move { handler.admit(tcp, context).await };
        tasks.tracker.spawn(tasks.cut.clone().run_until_cancelled_owned(connection));
    }
}
