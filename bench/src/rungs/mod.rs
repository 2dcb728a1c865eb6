//! The ladder's rungs and their peers: each a whole server that answers every request alike.

mod epoll;
mod hyper;
pub(crate) mod proto;
mod raw;
mod serve;

use std::future::Future;
use std::io;
use std::net::TcpListener;

use clap::ValueEnum;
use http::{HeaderValue, Response, header};
use serde::Serialize;

use crate::heads::CONTENT_TYPE;

/// A server that can be measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Rung {
    /// epoll alone: counts the ends of heads, parses nothing, answers fixed bytes.
    RawEpoll,
    /// The same loop with `tenure_proto::Connection` between read and write.
    ProtoEpoll,
    /// `tenure::server::Server` with a tower service on one current-thread runtime.
    Serve,
    /// hyper on the same runtime, as it comes.
    Hyper,
    /// hyper with `pipeline_flush`.
    HyperFlush,
}

impl Rung {
    /// In the order of the table; the first is what the others are compared with.
    pub(crate) const ALL: [Self; 5] = [Self::RawEpoll, Self::ProtoEpoll, Self::Serve, Self::Hyper, Self::HyperFlush];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RawEpoll => "raw-epoll",
            Self::ProtoEpoll => "proto-epoll",
            Self::Serve => "serve",
            Self::Hyper => "hyper",
            Self::HyperFlush => "hyper-flush",
        }
    }

    /// Serves on `listener` until the process ends.
    pub(crate) fn run(self, listener: TcpListener) -> io::Result<()> {
        match self {
            Self::RawEpoll => epoll::run(listener, raw::Raw::factory()),
            Self::ProtoEpoll => epoll::run(listener, proto::Proto::factory()),
            Self::Serve => on_tokio(listener, |listener| serve::run(listener, || {})),
            Self::Hyper => on_tokio(listener, |listener| hyper::run(listener, false, || {})),
            Self::HyperFlush => on_tokio(listener, |listener| hyper::run(listener, true, || {})),
        }
    }

    /// Serves on this thread's runtime, calling `each` at every request: for those rungs that have
    /// a handler to call it from.
    pub(crate) fn run_counted(self, listener: TcpListener, each: impl Fn() + Copy + Send + 'static) -> io::Result<()> {
        match self {
            Self::Serve => on_tokio(listener, |listener| serve::run(listener, each)),
            Self::Hyper => on_tokio(listener, |listener| hyper::run(listener, false, each)),
            Self::HyperFlush => on_tokio(listener, |listener| hyper::run(listener, true, each)),
            Self::RawEpoll | Self::ProtoEpoll => Err(io::Error::other("this rung has no handler")),
        }
    }
}

/// What the handlers answer; the server adds length and date.
pub(crate) fn response<B>(body: B) -> Response<B> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    response
}

/// One current-thread runtime, the same for every rung that has one.
fn on_tokio<F: Future<Output = io::Result<()>>>(
    listener: TcpListener,
    serve: impl FnOnce(tokio::net::TcpListener) -> F,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { serve(tokio::net::TcpListener::from_std(listener)?).await })
}
