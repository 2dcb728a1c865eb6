//! Whole servers as their users run them, to be put under connections that are idle, slow or hostile.

pub(crate) mod daemon;
pub(crate) mod h2o;
pub(crate) mod nginx;
pub(crate) mod site;

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};

use clap::ValueEnum;
use serde::Serialize;

use crate::check;
use crate::process::Process;
use crate::rungs::Rung;
use daemon::Daemon;

/// The path of a response of [`LARGE`] bytes; every other path is answered like in the ladder.
pub(crate) const LARGE_PATH: &str = "/large";
/// More than the buffers of a socket hold whose peer reads next to nothing.
pub(crate) const LARGE: usize = 1 << 20;

/// A server to be compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Contender {
    /// The limit: an epoll loop without any HTTP. It has no large response.
    RawEpoll,
    /// `tenure::server::Server` with a tower service on the runtime of `#[tokio::main]`.
    Serve,
    /// hyper on the same runtime, without a timer.
    Hyper,
    /// nginx, if it is installed.
    Nginx,
    /// h2o, if it is installed.
    H2o,
}

/// How large a server must be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Server processes (nginx: workers) that share the port.
    pub(crate) processes: usize,
    /// Connections that each of them must have room for.
    pub(crate) room: usize,
}

impl Contender {
    /// In the order of the tables.
    pub(crate) const ALL: [Self; 5] = [Self::RawEpoll, Self::Serve, Self::Hyper, Self::Nginx, Self::H2o];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RawEpoll => "raw-epoll",
            Self::Serve => "serve",
            Self::Hyper => "hyper",
            Self::Nginx => "nginx",
            Self::H2o => "h2o",
        }
    }

    /// Those of `wanted` (all, if none is named) that can run here; says which cannot.
    pub(crate) fn choose(wanted: &[Self], size: Size) -> io::Result<Vec<Self>> {
        let wanted = if wanted.is_empty() { &Self::ALL[..] } else { wanted };
        let mut able = Vec::new();
        for &contender in wanted {
            match contender.hindrance(size) {
                None => able.push(contender),
                Some(why) => eprintln!("{} is left out: {why}", contender.name()),
            }
        }
        if able.is_empty() { Err(io::Error::other("no server is left to measure")) } else { Ok(able) }
    }

    fn hindrance(self, size: Size) -> Option<&'static str> {
        match self {
            Self::RawEpoll | Self::Serve | Self::Hyper => None,
            Self::H2o if size.processes > 1 => Some("it is one process with threads, and too small for so many"),
            Self::Nginx | Self::H2o => (!daemon::is_installed(self.name())).then_some("it is not installed"),
        }
    }

    /// Starts it on `core` and asks it a few questions.
    pub(crate) fn start(self, size: Size, core: usize) -> io::Result<Running> {
        self.start_and_ask(size, core).map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", self.name())))
    }

    fn start_and_ask(self, size: Size, core: usize) -> io::Result<Running> {
        let (kind, port) = match self {
            Self::RawEpoll => sites(Rung::RawEpoll, size, core)?,
            Self::Serve => sites(Rung::Serve, size, core)?,
            Self::Hyper => sites(Rung::Hyper, size, core)?,
            Self::Nginx => daemon_on(nginx::start(Vec::new(), size, core)?),
            Self::H2o => daemon_on(h2o::start(Vec::new(), size, core)?),
        };
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        let mut response = 0;
        // Several connections, so that each of several processes has very likely had one.
        for _ in 0..4 * size.processes {
            response = check::hello_len(address.into())?;
        }
        Ok(Running { kind, address, response })
    }
}

fn sites(rung: Rung, size: Size, core: usize) -> io::Result<(Kind, u16)> {
    let (first, port) = site::start(rung, core, 0)?;
    let mut sites = vec![first];
    for _ in 1..size.processes {
        sites.push(site::start(rung, core, port)?.0);
    }
    Ok((Kind::Sites(sites), port))
}

fn daemon_on(daemon: Daemon) -> (Kind, u16) {
    let port = daemon.port;
    (Kind::Daemon(daemon), port)
}

/// A server that has been started; it ends when this is dropped.
pub(crate) struct Running {
    kind: Kind,
    pub(crate) address: SocketAddrV4,
    /// How long its answers to [`Head::Small`](crate::heads::Head::Small) are.
    pub(crate) response: usize,
}

enum Kind {
    /// Rungs of our own ladder.
    Sites(Vec<Process>),
    /// A program that is installed.
    Daemon(Daemon),
}

impl Running {
    /// All its processes.
    pub(crate) fn pids(&self) -> io::Result<Vec<u32>> {
        match &self.kind {
            Kind::Sites(sites) => Ok(sites.iter().map(Process::id).collect()),
            Kind::Daemon(daemon) => daemon.pids(),
        }
    }
}
