//! `tenure serve`: the files and uploads of [`crate::serve`] on listening sockets, until a signal.

mod access_log;
mod address;
mod operate;
mod options;
mod proxies;
mod signals;
mod sockets;
mod telemetry;
mod tls;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use tenure::proto::Config;
use tenure::{CloseReason, Observer, Opened};

use address::Address;
use operate::Operation;
use options::{ConnectionOptions, DrainOptions};
use proxies::ProxyOptions;
use sockets::Sockets;
use telemetry::TelemetryOptions;
use tls::TlsOptions;

use crate::net::activation::Activation;
use crate::path_arg;
use crate::serve::{App, AppOptions};

/// Serve the files of a folder, and take uploads.
///
/// GET and HEAD with ranges and conditions, folder listings, ready-made .gz, .br and .zst files.
/// With --uploads, PUT /name stores under that name and POST /folder/ under a new one; a file
/// appears under its name only when all of it has come. Ctrl-C lets running requests finish.
/// SIGUSR2 starts a new process, which takes over the listening sockets; this one then finishes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder to serve [default: the current folder, unless --uploads is given]
    dir: Option<PathBuf>,
    /// The folder that uploads are stored in; made if it is missing
    #[arg(long, value_name = "DIR", value_parser = path_arg::made())]
    uploads: Option<PathBuf>,
    /// Where to listen: IP:PORT (port 0 takes a free one) or unix:PATH; may be repeated. Sockets
    /// passed by systemd are listened on as well [default: these, or else 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Vec<Address>,
    /// Refuse uploads of more bytes than this (413)
    #[arg(long, value_name = "BYTES")]
    max_upload: Option<u64>,
    /// Answer HTTP/0.9 simple requests too (GET /path and nothing else)
    #[arg(long)]
    http09: bool,
    /// Tell of each connection when it ends: requests, and why it ended
    #[arg(short, long)]
    verbose: bool,
    /// Serve on so many threads of their own, each with its share of the connections, instead of on
    /// one runtime that moves work between threads
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,
    #[command(flatten)]
    connections: ConnectionOptions,
    #[command(flatten)]
    proxies: ProxyOptions,
    #[command(flatten)]
    drain: DrainOptions,
    #[command(flatten)]
    telemetry: TelemetryOptions,
    #[command(flatten)]
    tls: TlsOptions,
}

/// `activation`: what was passed to this process.
pub(crate) async fn run(args: Args, activation: Activation) -> Result<u8, Box<dyn std::error::Error>> {
    let root = match (args.dir, &args.uploads) {
        (None, None) => Some(PathBuf::from(".")),
        (dir, _) => dir,
    };
    let app = match App::new(AppOptions { root, uploads: args.uploads, max_upload: args.max_upload }) {
        Ok(app) => app,
        Err(error) => return wrong_use(&error.to_string()),
    };
    let config = Config { http09: args.http09, ..Config::default() };
    let mut server = args.drain.apply(args.connections.apply(config));
    server = match args.proxies.apply(server) {
        Ok(server) => server,
        Err(error) => return wrong_use(error),
    };
    let scheme = args.tls.scheme();
    server = match args.tls.apply(server) {
        Ok(server) => server,
        Err(error) => return wrong_use(&error.to_string()),
    };
    if args.verbose {
        server = server.observer(Arc::new(Tell));
    }
    let (server, telemetry) = args.telemetry.apply(server, activation.predecessor.is_some()).await?;
    let to_bind = match args.listen {
        // It had the same options, and hands over all that came of them.
        _ if activation.predecessor.is_some() => Vec::new(),
        none if none.is_empty() && activation.listeners.is_empty() => vec![Address::DEFAULT],
        given => given,
    };
    let sockets = Sockets::open(activation.listeners, &to_bind).await?;
    let listener = sockets.listener()?;
    for address in sockets.addresses(scheme) {
        eprintln!("listening on {address}");
    }
    let operation = Operation::new(sockets, activation.predecessor)?;
    telemetry.announce();
    let stop = operation.until_end();
    let served = match args.workers {
        Some(workers) => server.serve_workers(workers, listener, || app.clone(), stop).await,
        None => server.serve(listener, app, stop).await,
    };
    telemetry.finish();
    served?;
    Ok(0)
}

fn wrong_use(message: &str) -> Result<u8, Box<dyn std::error::Error>> {
    eprintln!("tenure serve: {message}");
    Ok(2)
}

/// One line a connection, on standard error.
struct Tell;

impl Observer for Tell {
    fn opened(&self, connection: Opened) {
        let peer = connection.peer.map_or_else(|| "somewhere".to_owned(), |peer| peer.to_string());
        eprintln!("connection {}: opened by {peer}", connection.id);
    }

    fn closed(&self, id: u64, why: CloseReason, exchanges: u64) {
        let noun = if exchanges == 1 { "request" } else { "requests" };
        eprintln!("connection {id}: closed after {exchanges} {noun}: {why}");
    }
}
