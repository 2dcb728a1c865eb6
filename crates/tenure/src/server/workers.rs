//! Workers: threads, each with a runtime and an acceptor of its own. One task deals the connections
//! of the listeners out to them.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tokio::sync::{mpsc, oneshot};
use tower_service::Service;

use super::accept::{LONGEST_QUEUE, is_fatal, is_peers};
use super::listener::Listener;
use super::shared::{Place, addresses, turns};
use super::{Server, raw};
use crate::{Body, BoxError};

/// Connections that wait for one worker to take them up, at most.
const QUEUE: usize = 16;

/// How long nobody is accepted after the process has run out of descriptors.
const REST: Duration = Duration::from_millis(10);

/// At the stop: how long those who wait in the listeners' queues may wait for a worker.
const LAST: Duration = Duration::from_millis(100);

/// A connection on its way, or why there is none.
pub(super) type Dealt = io::Result<(OwnedFd, Option<SocketAddr>)>;

impl Server {
    /// Serves as [`Server::serve`] does, on threads of its own: `workers` of them, each with a
    /// current-thread runtime and a service from `make`. A connection stays on its thread, and so
    /// does what its service spawns. The caller's runtime accepts, and deals each connection to the
    /// worker with the fewest.
    ///
    /// The limit of connections is divided among the workers, which the dealing keeps even (up to 16
    /// more a worker may wait accepted); the limits of requests handled at once and of connections an
    /// address are shared (of an address's parked connections, one of the same worker makes room). If the
    /// future is dropped, the workers drain by themselves.
    ///
    /// There is one listener and not one with `SO_REUSEPORT` for each worker: over those the kernel
    /// spreads connections by chance, for good, and closing one resets who waits in its queue.
    /// `examples/workers.rs` compares the two.
    ///
    /// # Errors
    /// The listener or a worker failed for good; a thread could not be started.
    pub async fn serve_workers<V, B>(
        self,
        workers: NonZeroUsize,
        listener: impl Into<Listener>,
        mut make: impl FnMut() -> V,
        stop: impl Future,
    ) -> io::Result<()>
    where
        V: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
        V::Future: Send,
        V::Error: Into<BoxError>,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let worker = |server: Self| {
            let service = make();
            move |listener, stop| server.serve(listener, service, stop)
        };
        self.on_workers(workers, listener.into(), worker, stop).await
    }

    /// Serves as [`Server::serve_raw`] does, on threads of its own as [`Server::serve_workers`] does,
    /// each with a handler from `make`.
    ///
    /// # Errors
    /// The listener or a worker failed for good; a thread could not be started.
    pub async fn serve_raw_workers<H>(
        self,
        workers: NonZeroUsize,
        listener: impl Into<Listener>,
        mut make: impl FnMut() -> H,
        stop: impl Future,
    ) -> io::Result<()>
    where
        H: Fn(&raw::Request<'_>, raw::Response<'_>) -> raw::Answered + Send + Sync + 'static,
    {
        let worker = |server: Self| {
            let handler = make();
            move |listener, stop| server.serve_raw(listener, handler, stop)
        };
        self.on_workers(workers, listener.into(), worker, stop).await
    }

    /// `worker` makes of each worker's server what runs on its thread.
    async fn on_workers<W, F>(
        self,
        workers: NonZeroUsize,
        mut listener: Listener,
        mut worker: impl FnMut(Self) -> W,
        stop: impl Future,
    ) -> io::Result<()>
    where
        W: FnOnce(Listener, oneshot::Receiver<()>) -> F + Send + 'static,
        F: Future<Output = io::Result<()>>,
    {
        listener.set_options(self.limits.probes);
        let local = listener.local();
        let (turns, addresses) = (turns(&self.limits), addresses(&self.limits));
        let mut crew = Crew(Vec::with_capacity(workers.get()));
        for index in 0..workers.get() {
            let place = Place {
                index: index as u64,
                count: workers.get() as u64,
                open: Arc::default(),
                turns: turns.clone(),
                addresses: addresses.clone(),
            };
            let serve = worker(self.at(place.clone()));
            crew.0.push(Worker::start(place, local, serve)?);
        }
        let dealt = crew.deal(listener, stop).await;
        crew.finish().await.and(dealt)
    }

    /// The server of one worker.
    fn at(&self, place: Place) -> Self {
        let mut server = self.clone();
        let (index, count) = (place.index as usize, place.count as usize);
        // The parts add up to the whole; nobody can do without one.
        server.limits.connections = self.limits.connections.map(|most| ((most + index) / count).max(1));
        server.place = Some(place);
        server
    }
}

struct Worker {
    dealt: mpsc::Sender<Dealt>,
    open: Arc<AtomicUsize>,
    /// Dropped: it is to drain.
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<io::Result<()>>,
}

impl Worker {
    fn start<F>(
        place: Place,
        local: Option<SocketAddr>,
        serve: impl FnOnce(Listener, oneshot::Receiver<()>) -> F + Send + 'static,
    ) -> io::Result<Self>
    where
        F: Future<Output = io::Result<()>>,
    {
        let (dealt, connections) = mpsc::channel(QUEUE);
        let (stop, stopped) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name(format!("worker {}", place.index)).spawn(move || {
            let served = runtime.block_on(async { serve(Listener::dealt(connections, local), stopped).await });
            // Nobody may wait any more.
            drop(end.send(served));
        })?;
        Ok(Self { dealt, open: place.open, stop, ended })
    }

    /// Its connections, and those on the way to it.
    fn load(&self) -> usize {
        self.open.load(Ordering::Relaxed) + QUEUE - self.dealt.capacity()
    }
}

struct Crew(Vec<Worker>);

impl Crew {
    /// Until `stop` is ready, or a worker is gone.
    async fn deal(&self, mut listener: Listener, stop: impl Future) -> io::Result<()> {
        let mut stop = pin!(stop);
        loop {
            let accepted = tokio::select! {
                biased;
                _ = &mut stop => break,
                accepted = async {
                    if self.has_room().await { Some(poll_fn(|cx| listener.poll_accept(cx)).await) } else { None }
                } => accepted,
            };
            match accepted {
                None => return Ok(()),
                Some(Ok((socket, peer))) => self.give(socket.leave().map(|socket| (socket, peer))),
                Some(Err(error)) if is_fatal(&error) => return Err(error),
                Some(Err(error)) if is_peers(&error) => {}
                Some(Err(error)) => {
                    // Out of descriptors: a worker closes one that sleeps.
                    self.give(Err(error));
                    tokio::time::sleep(REST).await;
                }
            }
        }
        self.deal_waiting(listener).await;
        Ok(())
    }

    /// Closing a listener resets who waits in its queue: they are let in before.
    async fn deal_waiting(&self, mut listener: Listener) {
        for _ in 0..LONGEST_QUEUE {
            match tokio::time::timeout(LAST, self.has_room()).await {
                Ok(true) => {}
                _ => return,
            }
            let Some((socket, peer)) = listener.accept_waiting() else { return };
            self.give(socket.leave().map(|socket| (socket, peer)));
        }
    }

    /// Waits for a worker that can be given a connection. False: one is gone.
    async fn has_room(&self) -> bool {
        match self.least_loaded() {
            _ if self.0.iter().any(|worker| worker.dealt.is_closed()) => false,
            Some(_) => true,
            // All queues are full: the shortest is as good as any.
            None => match self.0.iter().min_by_key(|worker| worker.load()) {
                Some(worker) => worker.dealt.reserve().await.is_ok(),
                None => false,
            },
        }
    }

    fn least_loaded(&self) -> Option<&Worker> {
        self.0.iter().filter(|worker| worker.dealt.capacity() > 0).min_by_key(|worker| worker.load())
    }

    fn give(&self, connection: Dealt) {
        let given = self.least_loaded().map(|worker| worker.dealt.try_send(connection));
        if !matches!(given, Some(Ok(()))) {
            tracing::warn!("no worker takes a connection; it is closed");
        }
    }

    /// All drain; waits for all. An error of any is the error.
    async fn finish(self) -> io::Result<()> {
        let mut endings = Vec::with_capacity(self.0.len());
        for Worker { stop, ended, .. } in self.0 {
            drop(stop);
            endings.push(ended);
        }
        let mut result = Ok(());
        for ended in endings {
            let end = ended.await.unwrap_or_else(|_| Err(io::Error::other("a worker's thread panicked")));
            result = result.and(end);
        }
        result
    }
}
