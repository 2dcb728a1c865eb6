//! A rung of the ladder as an application: this program again, on a port that several may share.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::Uri;

use super::{LARGE, LARGE_PATH};
use crate::heads::CONTENT;
use crate::process::Process;
use crate::rungs::Rung;
use crate::{cores, server, sockets};

/// The name of the hidden subcommand that the child is started with.
pub(crate) const COMMAND: &str = "run-site";

/// Longer than any measurement: no connection is to end of old age.
pub(super) const IDLE: Duration = Duration::from_secs(3600);

/// Starts a process on `port` (0: any); returns it and the port.
pub(super) fn start(rung: Rung, core: usize, port: u16) -> io::Result<(Process, u16)> {
    let (core, port) = (core.to_string(), port.to_string());
    let mut process = Process::start(Vec::new(), [COMMAND, rung.name(), "--core", &core, "--port", &port])?;
    let port = u16::try_from(process.number()?).map_err(io::Error::other)?;
    Ok((process, port))
}

/// The child's side: serves until the parent closes the pipe.
pub(crate) fn run(rung: Rung, core: usize, port: u16) -> io::Result<()> {
    let listener = sockets::listen_shared(port)?;
    server::attend(&listener)?;
    cores::pin(core)?;
    let large: &'static [u8] = vec![b'x'; LARGE].leak();
    rung.run_site(listener, IDLE, move |uri: &Uri| {
        Bytes::from_static(if uri.path() == LARGE_PATH { large } else { CONTENT })
    })
}
