//! The ladder's rungs and their peers: each a whole server that answers every request alike.

mod epoll;
mod hyper;
pub(crate) mod proto;
mod raw;
mod serve;
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

use crate::heads::{CONTENT, CONTENT_TYPE};

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
    /// hyper on the same runtime, as it comes.
    Hyper,
    /// hyper with `pipeline_flush`.
    HyperFlush,
}

impl Rung {
    /// In the order of the table; the first is what the others are compared with.
    pub(crate) const ALL: [Self; 6] =
        [Self::RawEpoll, Self::ProtoEpoll, Self::ServeRaw, Self::Serve, Self::Hyper, Self::HyperFlush];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RawEpoll => "raw-epoll",
            Self::ProtoEpoll => "proto-epoll",
            Self::ServeRaw => "serve-raw",
            Self::Serve => "serve",
            Self::Hyper => "hyper",
            Self::HyperFlush => "hyper-flush",
        }
    }

    /// Serves on `listener` until the process ends.
    pub(crate) fn run(self, listener: TcpListener) -> io::Result<()> {
        self.run_counted(listener, || {})
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
        self.run_on(runtime::Builder::new_current_thread(), listener, tenure::server::Server::new(), content)
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
        self.run_on(runtime::Builder::new_multi_thread(), listener, server, content)
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
            Self::Hyper => on_tokio(runtime, listener, |listener| hyper::run(listener, false, content)),
            Self::HyperFlush => on_tokio(runtime, listener, |listener| hyper::run(listener, true, content)),
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
