//! The server: tenure's, in a process of its own; it reads what is uploaded and answers 204.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tempfile::TempDir;
use tenure::server::Server;
use tenure::server::tls::Certificates;
use tenure::{Body, Error};

use super::path::{FAR, NEAR};
use crate::process::Process;
use crate::usage::Usage;
use crate::{cores, server};

/// The name of the hidden subcommand that the child is started with.
pub(crate) const COMMAND: &str = "run-upload-server";

/// A running server.
pub(super) struct Sink {
    process: Process,
    /// By way of the path.
    pub(super) address: SocketAddr,
    identity: Option<Identity>,
}

/// A certificate made on the spot, and its key.
struct Identity {
    _folder: TempDir,
    file: PathBuf,
}

impl Sink {
    pub(super) fn start(tls: bool, core: usize) -> io::Result<Self> {
        let identity = if tls { Some(Identity::issue()?) } else { None };
        let core = core.to_string();
        let mut arguments = vec![COMMAND.into(), "--core".into(), core.into()];
        if let Some(identity) = &identity {
            arguments.extend(["--identity".into(), identity.file.clone().into_os_string()]);
        }
        let mut process = Process::start(Vec::new(), arguments)?;
        let port = u16::try_from(process.number()?).map_err(io::Error::other)?;
        Ok(Self { process, address: (FAR, port).into(), identity })
    }

    pub(super) const fn tls(&self) -> bool {
        self.identity.is_some()
    }

    /// The certificate to trust, if it speaks TLS.
    pub(super) fn certificate(&self) -> Option<&Path> {
        self.identity.as_ref().map(|identity| &*identity.file)
    }

    /// CPU time so far.
    pub(super) fn usage(&mut self) -> io::Result<Usage> {
        self.process.ask("usage")?;
        let mut time = || self.process.number().map(Duration::from_micros);
        Ok(Usage { user: time()?, system: time()? })
    }
}

impl Identity {
    fn issue() -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("identity.pem");
        let issued = rcgen::generate_simple_self_signed([FAR.to_string()]).map_err(io::Error::other)?;
        std::fs::write(&file, issued.cert.pem() + &issued.signing_key.serialize_pem())?;
        Ok(Self { _folder: folder, file })
    }
}

/// The child's side: serves until the parent closes the pipe.
pub(crate) fn run(core: usize, identity: Option<&Path>) -> io::Result<()> {
    let listener = TcpListener::bind((NEAR, 0))?;
    server::attend(&listener)?;
    cores::pin(core)?;
    let mut server = Server::new();
    if let Some(file) = identity {
        server = server.tls(&Certificates::from_files(file, file)?);
    }
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let service = tower::service_fn(|request: Request<Body>| async {
            let mut content = request.into_body();
            while let Some(frame) = content.frame().await {
                frame?;
            }
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            Ok::<_, Error>(response)
        });
        let listener = tokio::net::TcpListener::from_std(listener)?;
        server.serve(listener, service, std::future::pending::<Infallible>()).await
    })
}
