//! The server of `tenure serve` inside this process, for a `send` without `--to` and a `probe` without a URL.

use std::io;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tenure::server::Server;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::serve::{App, AppOptions};

/// A server on loopback that stores in a temporary folder, until it is ended.
pub(crate) struct Embedded {
    folder: TempDir,
    origin: String,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<io::Result<()>>,
}

impl Embedded {
    pub(crate) async fn start() -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("tenure-").tempdir()?;
        let uploads = Some(folder.path().to_owned());
        let app = App::new(AppOptions { uploads, ..AppOptions::default() })?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let origin = format!("http://{}/", listener.local_addr()?);
        let (stop, stopped) = oneshot::channel();
        // By the time it is stopped the client has closed its connections.
        let server = Server::new().drain_grace(Duration::ZERO).drain_deadline(Duration::from_secs(1));
        let serving = tokio::spawn(server.serve(listener, app, stopped));
        Ok(Self { folder, origin, stop, serving })
    }

    /// Its URL, with a slash at its end.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Where it stores.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends it, and removes the folder.
    pub(crate) async fn end(self) {
        let _ = self.stop.send(());
        let _ = self.serving.await;
        // Removing many files takes a while; if it fails the system's own cleaning comes later.
        let _ = tokio::task::spawn_blocking(|| self.folder.close()).await;
    }
}
