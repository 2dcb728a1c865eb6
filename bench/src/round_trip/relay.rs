//! A relay that keeps every byte back for half a round trip, each way, without limiting the rate.
//!
//! It also holds the clock, so that programs are compared without their start and end: from the first
//! byte that a client sends to the last that it is given. The TCP handshake takes no time here.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What passed since [`Relay::forget`].
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Seen {
    pub(super) connections: usize,
    pub(super) took: Duration,
}

#[derive(Default)]
struct Clock {
    connections: usize,
    first: Option<Instant>,
    last: Option<Instant>,
}

type Shared = Arc<Mutex<Clock>>;

/// Listens for as long as the runtime lives.
pub(super) struct Relay {
    url: String,
    clock: Shared,
}

impl Relay {
    /// In front of the server at `to`.
    pub(super) async fn start(to: SocketAddr, one_way: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let clock = Shared::default();
        let relay = Self { url, clock: Arc::clone(&clock) };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connection(client, to, one_way, Arc::clone(&clock)));
            }
        });
        Ok(relay)
    }

    /// Begins to count anew.
    pub(super) fn forget(&mut self) {
        *lock(&self.clock) = Clock::default();
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn seen(&self) -> Seen {
        let clock = lock(&self.clock);
        let took = clock.first.zip(clock.last).map_or(Duration::ZERO, |(first, last)| last - first);
        Seen { connections: clock.connections, took }
    }
}

fn lock(clock: &Shared) -> std::sync::MutexGuard<'_, Clock> {
    clock.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn connection(client: TcpStream, to: SocketAddr, one_way: Duration, clock: Shared) -> io::Result<()> {
    let server = TcpStream::connect(to).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    lock(&clock).connections += 1;
    let begun = Arc::clone(&clock);
    let came = move |at| {
        lock(&begun).first.get_or_insert(at);
    };
    tokio::spawn(pass(from_client, to_server, one_way, came, |_| {}));
    pass(from_server, to_client, one_way, |_| {}, move |gone| lock(&clock).last = Some(gone)).await;
    Ok(())
}

/// Passes on what comes, each piece when its time has come, and the FIN behind it.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    one_way: Duration,
    came: impl Fn(Instant) + Send + 'static,
    gone: impl Fn(Instant) + Send + 'static,
) {
    let (queue, mut due) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    tokio::spawn(async move {
        while let Some((at, bytes)) = due.recv().await {
            tokio::time::sleep_until(at.into()).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
            gone(Instant::now());
        }
    });
    let mut piece = vec![0; 64 * 1024];
    while let Ok(n @ 1..) = from.read(&mut piece).await {
        let now = Instant::now();
        came(now);
        if queue.send((now + one_way, piece[..n].to_vec())).is_err() {
            return;
        }
    }
}
