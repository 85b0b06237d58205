//! The floor's other side: a relay between two TLS connections, and the peer at its far end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use amop::transport::{BoxedStream, NodeAcceptor};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use crate::Result;

/// Bytes taken in one read, by relay and peer.
const READ_LEN: usize = 64 * 1024;

/// How the relay writes in one direction.
pub(crate) struct Towards {
    /// Most bytes in a write.
    limit: AtomicUsize,
    writes: AtomicU64,
}

impl Towards {
    fn new() -> Towards {
        Towards { limit: AtomicUsize::new(READ_LEN), writes: AtomicU64::new(0) }
    }

    /// Writes so far.
    pub(crate) fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// From now on a write takes whatever a read brought.
    pub(crate) fn unlimited(&self) {
        self.limit.store(READ_LEN, Ordering::Relaxed);
    }
}

/// A relay waiting for its two ends.
pub(crate) struct Relay {
    acceptor: NodeAcceptor,
    measured: TcpListener,
    far: TcpListener,
    towards: Arc<Towards>,
}

impl Relay {
    pub(crate) async fn listen(acceptor: NodeAcceptor) -> io::Result<Relay> {
        let measured = TcpListener::bind("127.0.0.1:0").await?;
        let far = TcpListener::bind("127.0.0.1:0").await?;
        let towards = Arc::new(Towards::new());
        Ok(Relay { acceptor, measured, far, towards })
    }

    /// Where the measured end connects to.
    pub(crate) fn measured_address(&self) -> io::Result<SocketAddr> {
        self.measured.local_addr()
    }

    /// Where the peer connects to.
    pub(crate) fn far_address(&self) -> io::Result<SocketAddr> {
        self.far.local_addr()
    }

    /// How it writes towards the measured end.
    pub(crate) fn towards(&self) -> Arc<Towards> {
        self.towards.clone()
    }

    /// Takes one connection on each side and passes bytes on until one of them ends.
    pub(crate) async fn run(self) -> Result<()> {
        let far = self.acceptor.accept(self.far.accept().await?.0).await?;
        let measured = self.acceptor.accept(self.measured.accept().await?.0).await?;
        let (measured_in, measured_out) = tokio::io::split(measured);
        let (far_in, far_out) = tokio::io::split(far);
        let away = Towards::new();
        tokio::try_join!(pass(measured_in, far_out, &away), pass(far_in, measured_out, &self.towards))?;
        Ok(())
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    towards: &Towards,
) -> io::Result<()> {
    let mut buffer = vec![0; READ_LEN];
    loop {
        let limit = towards.limit.load(Ordering::Relaxed);
        // Reads that hold a whole number of writes leave no short ones over.
        let read = from.read(&mut buffer[..READ_LEN / limit * limit]).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        for piece in buffer[..read].chunks(limit) {
            to.write_all(piece).await?;
            towards.writes.fetch_add(1, Ordering::Relaxed);
        }
        to.flush().await?;
    }
}

/// What the peer is told to send of its own accord.
struct Sending {
    bytes: usize,
    done: oneshot::Sender<()>,
}

/// The far end of the relay: sends back what it gets, and streams when told to.
pub(crate) struct FarEnd {
    orders: mpsc::Sender<Sending>,
    towards: Arc<Towards>,
}

impl FarEnd {
    pub(crate) fn start(stream: BoxedStream, towards: Arc<Towards>) -> FarEnd {
        let (orders, inbox) = mpsc::channel(1);
        tokio::spawn(echo(stream, inbox));
        FarEnd { orders, towards }
    }

    /// Sends as many bytes, of which the relay passes on `limit` with each write.
    pub(crate) async fn stream(&self, bytes: usize, limit: usize) -> Result<()> {
        self.towards.limit.store(limit.clamp(1, READ_LEN), Ordering::Relaxed);
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
                // Whoever ordered it may have given up.
                let _ = done.send(());
            }
        }
    }
}
