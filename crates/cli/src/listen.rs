//! `tenure serve`: the files and uploads of [`crate::serve`] on a listener, until Ctrl-C.

mod access_log;
mod telemetry;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tenure::proto::Config;
use tenure::server::Server;
use tenure::{CloseReason, Observer, Opened};
use tokio::net::TcpListener;

use telemetry::Options;

use crate::path_arg;
use crate::serve::{App, AppOptions};

/// Serve the files of a folder, and take uploads.
///
/// GET and HEAD with ranges and conditions, folder listings, ready-made .gz, .br and .zst files.
/// With --uploads, PUT /name stores under that name and POST /folder/ under a new one; a file
/// appears under its name only when all of it has come. Ctrl-C lets running requests finish.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder to serve [default: the current folder, unless --uploads is given]
    dir: Option<PathBuf>,
    /// The folder that uploads are stored in; made if it is missing
    #[arg(long, value_name = "DIR", value_parser = path_arg::made())]
    uploads: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Refuse uploads of more bytes than this (413)
    #[arg(long, value_name = "BYTES")]
    max_upload: Option<u64>,
    /// How many seconds an idle connection is kept
    #[arg(long, value_name = "SECONDS", default_value_t = 75)]
    idle_timeout: u64,
    /// Answer HTTP/0.9 simple requests too (GET /path and nothing else)
    #[arg(long)]
    http09: bool,
    /// Tell of each connection when it ends: requests, and why it ended
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    telemetry: Options,
}

pub(crate) async fn run(args: Args) -> Result<u8, Box<dyn std::error::Error>> {
    let root = match (args.dir, &args.uploads) {
        (None, None) => Some(PathBuf::from(".")),
        (dir, _) => dir,
    };
    let app = match App::new(AppOptions { root, uploads: args.uploads, max_upload: args.max_upload }) {
        Ok(app) => app,
        Err(error) => return wrong_use(&error.to_string()),
    };
    let listener = match TcpListener::bind(args.listen).await {
        Ok(listener) => listener,
        Err(error) => return Err(format!("cannot listen on {}: {error}", args.listen).into()),
    };
    eprintln!("listening on http://{}", listener.local_addr()?);

    let config = Config { http09: args.http09, ..Config::default() };
    let mut server = Server::new().config(config).idle_timeout(Duration::from_secs(args.idle_timeout));
    if args.verbose {
        server = server.observer(Arc::new(Tell));
    }
    let (server, telemetry) = args.telemetry.apply(server).await?;
    telemetry.announce();
    let served = server.serve(listener, app, stop()).await;
    telemetry.finish();
    served?;
    Ok(0)
}

fn wrong_use(message: &str) -> Result<u8, Box<dyn std::error::Error>> {
    eprintln!("tenure serve: {message}");
    Ok(2)
}

/// Ready at the first Ctrl-C or termination signal; a second one ends the process at once.
async fn stop() {
    signalled().await;
    eprintln!("finishing what is under way; once more to stop at once");
    tokio::spawn(async {
        signalled().await;
        std::process::exit(1);
    });
}

async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
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
