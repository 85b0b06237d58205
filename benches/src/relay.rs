//! The other side of the floor: a relay between two TLS connections, and the peer behind it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use amop::transport::{BoxedStream, NodeAcceptor};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use crate::Result;

/// The buffer length of one read of relay and peer.
const READ_LEN: usize = 64 * 1024;

/// The writes of the relay in one direction.
pub(crate) struct RelayDirection {
    /// The maximum length of a write.
    limit: AtomicUsize,
    writes: AtomicU64,
}

impl RelayDirection {
    fn new() -> RelayDirection {
        RelayDirection { limit: AtomicUsize::new(READ_LEN), writes: AtomicU64::new(0) }
    }

    /// Returns the number of writes so far.
    pub(crate) fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// Removes the limit, so that each write contains all bytes of one read.
    pub(crate) fn unlimited(&self) {
        self.limit.store(READ_LEN, Ordering::Relaxed);
    }
}

/// A relay that waits for its two connections.
pub(crate) struct Relay {
    acceptor: NodeAcceptor,
    measured: TcpListener,
    far: TcpListener,
    direction: Arc<RelayDirection>,
}

impl Relay {
    pub(crate) async fn listen(acceptor: NodeAcceptor) -> io::Result<Relay> {
        let measured = TcpListener::bind("127.0.0.1:0").await?;
        let far = TcpListener::bind("127.0.0.1:0").await?;
        let direction = Arc::new(RelayDirection::new());
        Ok(Relay { acceptor, measured, far, direction })
    }

    /// Returns the address for the measured end.
    pub(crate) fn measured_address(&self) -> io::Result<SocketAddr> {
        self.measured.local_addr()
    }

    /// Returns the address for the peer.
    pub(crate) fn far_address(&self) -> io::Result<SocketAddr> {
        self.far.local_addr()
    }

    /// Returns the writes to the measured end.
    pub(crate) fn direction(&self) -> Arc<RelayDirection> {
        self.direction.clone()
    }

    /// Accepts one connection on each side and relays bytes until one of them ends.
    pub(crate) async fn run(self) -> Result<()> {
        let far = self.acceptor.accept(self.far.accept().await?.0).await?;
        let measured = self.acceptor.accept(self.measured.accept().await?.0).await?;
        let (measured_in, measured_out) = tokio::io::split(measured);
        let (far_in, far_out) = tokio::io::split(far);
        let away = RelayDirection::new();
        tokio::try_join!(pass(measured_in, far_out, &away), pass(far_in, measured_out, &self.direction))?;
        Ok(())
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    direction: &RelayDirection,
) -> io::Result<()> {
    let mut buffer = vec![0; READ_LEN];
    loop {
        let limit = direction.limit.load(Ordering::Relaxed);
        // Read a multiple of the limit, so that no write is shorter than the others.
        let read = from.read(&mut buffer[..READ_LEN / limit * limit]).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        for piece in buffer[..read].chunks(limit) {
            to.write_all(piece).await?;
            direction.writes.fetch_add(1, Ordering::Relaxed);
        }
        to.flush().await?;
    }
}

/// A command to the peer to send bytes.
struct Sending {
    bytes: usize,
    done: oneshot::Sender<()>,
}

/// The peer behind the relay. It returns all bytes, and sends bytes on command.
pub(crate) struct Peer {
    orders: mpsc::Sender<Sending>,
    direction: Arc<RelayDirection>,
}

impl Peer {
    pub(crate) fn start(stream: BoxedStream, direction: Arc<RelayDirection>) -> Peer {
        let (orders, inbox) = mpsc::channel(1);
        tokio::spawn(echo(stream, inbox));
        Peer { orders, direction }
    }

    /// Sends bytes, which the relay writes in pieces of `limit`.
    pub(crate) async fn stream(&self, bytes: usize, limit: usize) -> Result<()> {
        self.direction.limit.store(limit.clamp(1, READ_LEN), Ordering::Relaxed);
        let (done, ended) = oneshot::channel();
        self.orders.send(Sending { bytes, done }).await?;
        Ok(ended.await?)
    }
}

async fn echo(mut stream: BoxedStream, mut orders: mpsc::Receiver<Sending>) -> io::Result<()> {
    let mut buffer = vec![0; READ_LEN];
    loop {
        tokio::select! {
            read = stream.read(&mut buffer) => match read? {
                0 => return Ok(()),
                read => {
                    stream.write_all(&buffer[..read]).await?;
                    stream.flush().await?;
                }
            },
            Some(order) = orders.recv() => {
                let Sending { mut bytes, done } = order;
                while bytes > 0 {
                    bytes -= stream.write(&buffer[..bytes.min(READ_LEN)]).await?;
                }
                stream.flush().await?;
                // The sender of the command may no longer wait.
                let _ = done.send(());
            }
        }
    }
}
