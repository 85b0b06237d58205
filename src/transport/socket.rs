//! A TCP socket whose writes never raise SIGPIPE, and whose client end acknowledges at once.
//!
//! A write to a connection that the peer has closed is an error, and on Unix a signal too, which ends the process unless
//! it is handled. Rust programs ignore the signal from their start; programs in C, Go or Python that load this library
//! don't, and the library handles no signals. Plain writes of the standard library suppress the signal, vectored writes
//! don't.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::acknowledgements::Acknowledgements;

/// A TCP connection that suppresses SIGPIPE.
#[derive(Debug)]
pub struct Socket {
    tcp: TcpStream,
    /// What a client is to acknowledge at once; `None` at a node.
    acks: Option<Acknowledgements>,
}

impl Socket {
    /// Returns the client's end of a connection to a node: few bytes that no write follows are acknowledged at once, on
    /// systems that allow it (Linux).
    pub fn to_node(tcp: TcpStream) -> Socket {
        Socket { tcp, acks: Some(Acknowledgements::default()) }
    }

    /// Notes how many bytes a read has brought; `None` if there is nothing to read now.
    fn has_read(&mut self, bytes: Option<usize>, cx: &mut Context<'_>) {
        let Some(acks) = &mut self.acks else { return };
        match bytes {
            Some(bytes) => acks.received(bytes),
            None if acks.is_due(cx) => {
                // It only saves time, so that a failure makes no difference.
                #[cfg(any(target_os = "linux", target_os = "android"))]
                let _ = socket2::SockRef::from(&self.tcp).set_tcp_quickack(true);
            }
            None => {}
        }
    }

    /// Notes what came of a write.
    fn has_written(&mut self, written: &Poll<io::Result<usize>>) {
        if let (Some(acks), Poll::Ready(Ok(1..))) = (&mut self.acks, written) {
            acks.written();
        }
    }
}

impl From<TcpStream> for Socket {
    fn from(tcp: TcpStream) -> Socket {
        Socket { tcp, acks: None }
    }
}

impl AsRef<TcpStream> for Socket {
    fn as_ref(&self) -> &TcpStream {
        &self.tcp
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.tcp).poll_read(cx, buf);
        self.has_read(polled.is_ready().then(|| buf.filled().len() - before), cx);
        polled
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.tcp).poll_write(cx, buf);
        self.has_written(&polled);
        polled
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = poll_send_vectored(&self.tcp, cx, bufs);
        self.has_written(&polled);
        polled
    }

    /// Other systems have no such signal, or sockets without it.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs);
        self.has_written(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

/// Sends without SIGPIPE.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn poll_send_vectored(
    tcp: &TcpStream,
    cx: &mut Context<'_>,
    bufs: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    // The system accepts no more slices in one call.
    let bufs = &bufs[..bufs.len().min(libc::UIO_MAXIOV as usize)];
    let socket = socket2::SockRef::from(tcp);
    loop {
        std::task::ready!(tcp.poll_write_ready(cx))?;
        let sent = tcp.try_io(tokio::io::Interest::WRITABLE, || {
            socket.send_vectored_with_flags(bufs, libc::MSG_NOSIGNAL)
        });
        match sent {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            sent => return Poll::Ready(sent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    async fn pair() -> (Socket, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (here, there) =
            tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        (here.unwrap().into(), there.unwrap().0)
    }

    #[tokio::test]
    async fn vectored_writes_arrive_in_order_beyond_all_buffers() {
        let (mut here, mut there) = pair().await;
        // There are more slices than one call accepts, and more bytes than the system buffers.
        let parts: Vec<Vec<u8>> = (0..2000u32).map(|n| n.to_be_bytes().repeat(4000)).collect();
        let whole = parts.concat();
        let reading = tokio::spawn(async move {
            let mut read = Vec::new();
            there.read_to_end(&mut read).await.unwrap();
            read
        });
        let mut written = 0;
        while written < whole.len() {
            let mut skip = written;
            let rest: Vec<IoSlice<'_>> = parts
                .iter()
                .filter_map(|part| {
                    let skipped = skip.min(part.len());
                    skip -= skipped;
                    (skipped < part.len()).then(|| IoSlice::new(&part[skipped..]))
                })
                .collect();
            written += here.write_vectored(&rest).await.unwrap();
        }
        here.shutdown().await.unwrap();
        assert!(reading.await.unwrap() == whole);
    }

    #[tokio::test]
    async fn write_to_a_closed_connection_is_an_error() {
        let (mut here, there) = pair().await;
        there.set_zero_linger().unwrap();
        drop(there);
        let parts = [IoSlice::new(b"into"), IoSlice::new(b" the void")];
        let error = loop {
            if let Err(error) = here.write_vectored(&parts).await {
                break error;
            }
        };
        assert!(
            matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset),
            "{error}"
        );
    }
}
