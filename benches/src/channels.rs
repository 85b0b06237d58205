//! The cost of each kind of channel: handshakes and records on the client's side, without client and node above them.
//!
//! The client's side runs on the calling thread, whose processor time is measured. The other side has a thread of its own
//! in this process, because TLS costs the same whoever the peer is.

use std::time::Duration;

use amop::transport::{BoxedStream, Connector, Endpoint, Security, dial};
use amop_devnet::ChannelAcceptor;
use amop_devnet::chain::{Algorithm, Chain, ChainOptions, LeafOptions, Role};
use rustix::time::{ClockId, clock_gettime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use crate::Result;

/// The kinds of channels, with the keys of their chains, in the order of the report. The first is that of rustls.
const CHANNELS: [(Security, Algorithm); 4] = [
    (Security::Ecdhe, Algorithm::Secp256k1),
    (Security::StaticRsa, Algorithm::Rsa),
    (Security::Gm, Algorithm::Sm2),
    (Security::Tlcp, Algorithm::Sm2),
];

/// The sizes of messages, each of which is a write and a flush of its own, and the bytes of a long transfer.
const SIZES: [usize; 2] = [64, 1024];
const LONG: usize = 64 * 1024;

/// How much of everything is done: about ten seconds in all.
struct Amounts {
    handshakes: u32,
    messages: usize,
    long_writes: usize,
}

/// The processor time of the client's side of one channel.
struct Cost {
    handshake: Duration,
    /// For each of [`SIZES`]: sending, receiving.
    messages: Vec<[Duration; 2]>,
    /// Bytes per second of sending and receiving.
    rates: [f64; 2],
}

/// Measures all channels and prints a table.
pub(crate) fn measure(quick: bool) -> Result<()> {
    let amounts = match quick {
        true => Amounts { handshakes: 2, messages: 100, long_writes: 4 },
        false => Amounts { handshakes: 200, messages: 20_000, long_writes: 1_024 },
    };
    println!("channels, the client's side alone: CPU time, sending and receiving");
    println!(
        "{:12} {:>10} {:>16} {:>16} {:>20}",
        "", "handshake", "64 B message", "1 KiB message", "64 KiB writes"
    );
    let runtime = Builder::new_current_thread().enable_all().build()?;
    for (security, algorithm) in CHANNELS {
        let cost = runtime.block_on(Channel::start(security, algorithm)?.measure(&amounts))?;
        let us = |time: &Duration| format!("{:.1}", time.as_secs_f64() * 1e6);
        let pair = |[sending, receiving]: &[Duration; 2]| format!("{}, {} us", us(sending), us(receiving));
        let [sending, receiving] = cost.rates.map(|rate| rate / 1e6);
        println!(
            "{:12} {:>7.2} ms {:>16} {:>16} {:>20}",
            security.tls().name(),
            cost.handshake.as_secs_f64() * 1e3,
            pair(&cost.messages[0]),
            pair(&cost.messages[1]),
            format!("{sending:.0}, {receiving:.0} MB/s")
        );
    }
    println!();
    Ok(())
}

/// A server of one kind of channel, and what connects to it.
struct Channel {
    endpoint: Endpoint,
    connector: Connector,
}

impl Channel {
    /// Starts the server on a thread of its own, which ends with the process.
    fn start(security: Security, algorithm: Algorithm) -> Result<Channel> {
        let chain = Chain::mint(&ChainOptions::of(algorithm))?;
        let issue = |role| chain.issue(role, "bench", &LeafOptions::of(algorithm));
        let (node, sdk) = (issue(Role::Node)?.credentials()?, issue(Role::Sdk)?.credentials()?);
        let acceptor = match security {
            Security::Tlcp => ChannelAcceptor::tlcp(&node)?,
            _ => ChannelAcceptor::new(&node)?,
        };
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let endpoint = listener.local_addr()?.to_string().parse()?;
        std::thread::spawn(move || {
            runtime.block_on(async {
                while let Ok((tcp, _)) = listener.accept().await {
                    // An error means that the client has disconnected.
                    if let Ok(stream) = acceptor.accept(tcp).await {
                        let _ = serve(stream).await;
                    }
                }
            });
        });
        Ok(Channel { endpoint, connector: Connector::new(security, &sdk)? })
    }

    async fn measure(&self, amounts: &Amounts) -> Result<Cost> {
        // Tables are computed at the first handshake.
        drop(self.connect().await?);
        let began = thread_time();
        for _ in 0..amounts.handshakes {
            drop(self.connect().await?);
        }
        let handshake = (thread_time() - began) / amounts.handshakes;
        let mut stream = self.connect().await?;
        let mut messages = Vec::new();
        for size in SIZES {
            let each = |total: Duration| total / amounts.messages as u32;
            let sending = each(send(&mut stream, size, amounts.messages).await?);
            messages.push([sending, each(receive(&mut stream, size, amounts.messages).await?)]);
        }
        let bytes = (LONG * amounts.long_writes) as f64;
        let sending = send(&mut stream, LONG, amounts.long_writes).await?;
        let receiving = receive(&mut stream, LONG, amounts.long_writes).await?;
        Ok(Cost { handshake, messages, rates: [sending, receiving].map(|time| bytes / time.as_secs_f64()) })
    }

    async fn connect(&self) -> Result<BoxedStream> {
        Ok(dial(&self.endpoint, &self.connector).await?)
    }
}

/// What the server does next: it reads or it writes, so many times so many bytes.
const READ: u8 = 0;
const WRITE: u8 = 1;

/// The bytes of an order: what, size, count.
const ORDER: usize = 17;

fn order(what: u8, size: usize, count: usize) -> [u8; ORDER] {
    let mut order = [what; ORDER];
    order[1..9].copy_from_slice(&(size as u64).to_be_bytes());
    order[9..].copy_from_slice(&(count as u64).to_be_bytes());
    order
}

/// Executes orders until the client disconnects.
async fn serve(mut stream: BoxedStream) -> std::io::Result<()> {
    let mut buffer = vec![0; LONG];
    loop {
        let mut order = [0; ORDER];
        stream.read_exact(&mut order).await?;
        let number = |bytes: &[u8]| u64::from_be_bytes(bytes.try_into().expect("8 bytes")) as usize;
        let (size, count) = (number(&order[1..9]), number(&order[9..]));
        if order[0] == READ {
            read(&mut stream, &mut buffer, size * count).await?;
            write(&mut stream, &buffer[..1], 1).await?;
        } else {
            write(&mut stream, &buffer[..size], count).await?;
        }
    }
}

async fn write(stream: &mut BoxedStream, message: &[u8], count: usize) -> std::io::Result<()> {
    for _ in 0..count {
        stream.write_all(message).await?;
        stream.flush().await?;
    }
    Ok(())
}

async fn read(stream: &mut BoxedStream, buffer: &mut [u8], mut left: usize) -> std::io::Result<()> {
    while left > 0 {
        let most = left.min(buffer.len());
        match stream.read(&mut buffer[..most]).await? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            n => left -= n,
        }
    }
    Ok(())
}

/// Returns the processor time of sending `count` messages.
async fn send(stream: &mut BoxedStream, size: usize, count: usize) -> Result<Duration> {
    write(stream, &order(READ, size, count), 1).await?;
    let message = vec![0; size];
    let began = thread_time();
    write(stream, &message, count).await?;
    let took = thread_time() - began;
    // The server has read all.
    stream.read_exact(&mut [0; 1]).await?;
    Ok(took)
}

/// Returns the processor time of receiving `count` messages.
async fn receive(stream: &mut BoxedStream, size: usize, count: usize) -> Result<Duration> {
    let mut buffer = vec![0; LONG];
    let began = thread_time();
    write(stream, &order(WRITE, size, count), 1).await?;
    read(stream, &mut buffer, size * count).await?;
    Ok(thread_time() - began)
}

/// Returns the user and system time of this thread so far.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    // The kernel returns no negative times, and less than a billion nanoseconds.
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
