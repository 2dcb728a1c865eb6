//! `hello` on two threads in three ways, to compare them: `workers HOW [PORT [THREADS]]`, where HOW is
//!
//! - `dealt`: [`Server::serve_workers`], one task that deals connections to the workers;
//! - `reuseport`: a listener with `SO_REUSEPORT` and a server for each thread, the kernel spreads;
//! - `shared`: [`Server::serve`] on one runtime with several threads.
//!
//! Ctrl-C ends it and prints how many connections and requests each thread had.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use http::{Request, Response};
use socket2::{Domain, Socket, Type};
use tenure::server::Server;
use tenure::{Body, ConnectionInfo};
use tokio::net::TcpListener;
use tokio::runtime;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Connections and requests of each thread.
type Counts = Arc<Mutex<BTreeMap<String, (u64, u64)>>>;

fn main() -> Result<(), BoxError> {
    let mut args = std::env::args().skip(1);
    let how = args.next().unwrap_or_default();
    let port: u16 = args.next().map_or(Ok(8080), |port| port.parse())?;
    let threads: NonZeroUsize =
        args.next().map_or(Ok(NonZeroUsize::MIN.saturating_add(1)), |threads| threads.parse())?;
    let counts = Counts::default();
    match how.as_str() {
        "dealt" => dealt(port, threads, &counts)?,
        "reuseport" => reuseport(port, threads, &counts)?,
        "shared" => shared(port, threads, &counts)?,
        _ => return Err("workers dealt|reuseport|shared [PORT [THREADS]]".into()),
    }
    for (connections, requests) in counts.lock().map_err(|_| "a thread panicked")?.values() {
        println!("{connections} connections, {requests} requests");
    }
    Ok(())
}

fn dealt(port: u16, threads: NonZeroUsize, counts: &Counts) -> Result<(), BoxError> {
    runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::from_std(listen(port)?)?;
        let make = || tower::service_fn(hello(counts));
        Ok(server().serve_workers(threads, listener, make, tokio::signal::ctrl_c()).await?)
    })
}

fn reuseport(port: u16, threads: NonZeroUsize, counts: &Counts) -> Result<(), BoxError> {
    let servers = (0..threads.get()).map(|_| {
        let listener = listen(port)?;
        let service = tower::service_fn(hello(counts));
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(thread::spawn(move || {
            runtime.block_on(async {
                server().serve(TcpListener::from_std(listener)?, service, tokio::signal::ctrl_c()).await
            })
        }))
    });
    for server in servers.collect::<Result<Vec<_>, BoxError>>()? {
        server.join().map_err(|_| "a thread panicked")??;
    }
    Ok(())
}

fn shared(port: u16, threads: NonZeroUsize, counts: &Counts) -> Result<(), BoxError> {
    runtime::Builder::new_multi_thread().worker_threads(threads.get()).enable_all().build()?.block_on(async {
        let listener = TcpListener::from_std(listen(port)?)?;
        Ok(server().serve(listener, tower::service_fn(hello(counts)), tokio::signal::ctrl_c()).await?)
    })
}

/// Whose requests say which one on their connection they are.
fn server() -> Server {
    Server::new().connection_info(true)
}

fn listen(port: u16) -> Result<std::net::TcpListener, BoxError> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], port)).into())?;
    socket.listen(4096)?;
    Ok(socket.into())
}

fn hello(
    counts: &Counts,
) -> impl Fn(Request<Body>) -> Ready<Result<Response<Body>, Infallible>> + Clone + Send + 'static {
    let counts = Arc::clone(counts);
    move |request| {
        let is_first = request.extensions().get::<ConnectionInfo>().is_some_and(|connection| connection.request == 1);
        let id: ThreadId = thread::current().id();
        if let Ok(mut counts) = counts.lock() {
            let count = counts.entry(format!("{id:?}")).or_default();
            count.0 += u64::from(is_first);
            count.1 += 1;
        }
        ready(Ok(Response::new(Body::from("Hello\n"))))
    }
}
