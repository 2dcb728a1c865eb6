//! The ladder's rungs and their peers: each a whole server that answers every request alike.

mod axum_router;
mod epoll;
#[cfg_attr(not(feature = "peers"), path = "without_peers.rs")]
mod peers;
pub(crate) mod proto;
mod raw;
mod serve;
mod serve_axum;
mod serve_raw;

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::time::Duration;

use bytes::Bytes;
use clap::ValueEnum;
use http::{HeaderValue, Response, Uri, header};
use serde::Serialize;
use tokio::runtime;

use crate::contenders::daemon;
use crate::heads::{CONTENT, CONTENT_TYPE};

/// A server that is not tenure's.
#[derive(Clone, Copy, Debug)]
enum Peer {
    Hyper,
    HyperFlush,
    Axum,
    ActixWeb,
    MayMinihttp,
}

/// A server that can be measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Rung {
    /// epoll alone: counts the ends of heads, parses nothing, answers fixed bytes.
    RawEpoll,
    /// The same loop with `tenure_proto::Connection` between read and write.
    ProtoEpoll,
    /// `tenure::server::Server` with a handler that borrows, on one current-thread runtime.
    ServeRaw,
    /// `tenure::server::Server` with a tower service on one current-thread runtime.
    Serve,
    /// The same with an `axum::Router`.
    ServeAxum,
    /// hyper on the same runtime, as it comes.
    Hyper,
    /// hyper with `pipeline_flush`.
    HyperFlush,
    /// The same `axum::Router` on axum's own server, which is hyper.
    Axum,
    /// actix-web with one worker.
    ActixWeb,
    /// may_minihttp with one worker.
    MayMinihttp,
    /// nginx with one worker, if it is installed.
    Nginx,
    /// h2o with one thread, if it is installed.
    H2o,
}

/// What the rungs on tokio run on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Runtime {
    /// The current-thread runtime.
    Current,
    /// What `#[tokio::main]` makes, with one worker, since there is one core.
    Multi,
}

impl Runtime {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Multi => "multi",
        }
    }

    fn builder(self) -> runtime::Builder {
        match self {
            Self::Current => runtime::Builder::new_current_thread(),
            Self::Multi => runtime::Builder::new_multi_thread(),
        }
    }
}

impl Rung {
    /// In the order of the table; the first is what the others are compared with.
    pub(crate) const ALL: [Self; 12] = [
        Self::RawEpoll,
        Self::ProtoEpoll,
        Self::ServeRaw,
        Self::Serve,
        Self::ServeAxum,
        Self::Hyper,
        Self::HyperFlush,
        Self::Axum,
        Self::ActixWeb,
        Self::MayMinihttp,
        Self::Nginx,
        Self::H2o,
    ];

    /// Without peers.
    pub(crate) const OWN: [Self; 5] = [Self::RawEpoll, Self::ProtoEpoll, Self::ServeRaw, Self::Serve, Self::ServeAxum];

    /// Those of [`Rung::ALL`] that can run here.
    pub(crate) fn available() -> Vec<Self> {
        let known = if cfg!(feature = "peers") { &Self::ALL[..] } else { &Self::OWN[..] };
        known.iter().copied().filter(|rung| rung.is_here()).collect()
    }

    /// False for a program that is not installed.
    fn is_here(self) -> bool {
        !self.is_program() || daemon::is_installed(self.name())
    }

    /// True for those that tenure is in.
    pub(crate) const fn is_own(self) -> bool {
        matches!(self, Self::ProtoEpoll | Self::ServeRaw | Self::Serve | Self::ServeAxum)
    }

    /// True for those that are programs of their own.
    pub(crate) const fn is_program(self) -> bool {
        matches!(self, Self::Nginx | Self::H2o)
    }

    /// True for those that run on a tokio runtime of our choice.
    pub(crate) const fn is_on_tokio(self) -> bool {
        matches!(self, Self::ServeRaw | Self::Serve | Self::ServeAxum | Self::Hyper | Self::HyperFlush | Self::Axum)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RawEpoll => "raw-epoll",
            Self::ProtoEpoll => "proto-epoll",
            Self::ServeRaw => "serve-raw",
            Self::Serve => "serve",
            Self::Hyper => "hyper",
            Self::HyperFlush => "hyper-flush",
            Self::ServeAxum => "serve-axum",
            Self::Axum => "axum",
            Self::ActixWeb => "actix-web",
            Self::MayMinihttp => "may-minihttp",
            Self::Nginx => "nginx",
            Self::H2o => "h2o",
        }
    }

    /// Serves on `listener` until the process ends.
    pub(crate) fn run(self, listener: TcpListener, runtime: Runtime) -> io::Result<()> {
        let content = |_: &Uri| Bytes::from_static(CONTENT);
        self.run_on(runtime.builder(), listener, tenure::server::Server::new(), content)
    }

    /// The same, calling `each` at every request in those rungs that have a handler to call it from.
    pub(crate) fn run_counted(
        self,
        listener: TcpListener,
        each: impl Fn() + Copy + Send + Sync + 'static,
    ) -> io::Result<()> {
        let content = move |_: &Uri| {
            each();
            Bytes::from_static(CONTENT)
        };
        self.run_on(Runtime::Current.builder(), listener, tenure::server::Server::new(), content)
    }

    /// Serves as an application does: on the runtime that `#[tokio::main]` makes, with `content`
    /// for an answer, and keeping idle connections for `idle`. The rungs without a runtime answer
    /// what they always do, and keep connections for ever; so does hyper.
    pub(crate) fn run_site(
        self,
        listener: TcpListener,
        idle: Duration,
        content: impl Fn(&Uri) -> Bytes + Copy + Send + Sync + 'static,
    ) -> io::Result<()> {
        let server = tenure::server::Server::new().idle_timeout(idle);
        self.run_on(Runtime::Multi.builder(), listener, server, content)
    }

    fn run_on(
        self,
        runtime: runtime::Builder,
        listener: TcpListener,
        server: tenure::server::Server,
        content: impl Fn(&Uri) -> Bytes + Copy + Send + Sync + 'static,
    ) -> io::Result<()> {
        match self {
            Self::RawEpoll => epoll::run(listener, raw::Raw::factory()),
            Self::ProtoEpoll => epoll::run(listener, proto::Proto::factory()),
            Self::ServeRaw => on_tokio(runtime, listener, |listener| serve_raw::run(listener, server, content)),
            Self::Serve => on_tokio(runtime, listener, |listener| serve::run(listener, server, content)),
            Self::ServeAxum => on_tokio(runtime, listener, |listener| serve_axum::run(listener, server, content)),
            Self::Hyper => peers::run(Peer::Hyper, runtime, listener, content),
            Self::HyperFlush => peers::run(Peer::HyperFlush, runtime, listener, content),
            Self::Axum => peers::run(Peer::Axum, runtime, listener, content),
            Self::ActixWeb => peers::run(Peer::ActixWeb, runtime, listener, content),
            Self::MayMinihttp => peers::run(Peer::MayMinihttp, runtime, listener, content),
            Self::Nginx | Self::H2o => Err(io::Error::other("a program of its own cannot run in this one")),
        }
    }
}

/// What the handlers answer; the server adds length and date.
pub(crate) fn response<B>(body: B) -> Response<B> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    response
}

fn on_tokio<F: Future<Output = io::Result<()>>>(
    mut runtime: runtime::Builder,
    listener: TcpListener,
    serve: impl FnOnce(tokio::net::TcpListener) -> F,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = runtime.enable_all().build()?;
    runtime.block_on(async { serve(tokio::net::TcpListener::from_std(listener)?).await })
}
