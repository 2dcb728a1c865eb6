//! Servers that are not tenure's, as their own examples set them up.

mod actix_web;
mod axum;
mod hyper;
mod may_minihttp;

use std::io;
use std::net::TcpListener;

use bytes::Bytes;
use http::Uri;
use tokio::runtime;

use super::{Peer, on_tokio};

/// Serves until the process ends.
pub(super) fn run(
    peer: Peer,
    runtime: runtime::Builder,
    listener: TcpListener,
    content: impl Fn(&Uri) -> Bytes + Copy + Send + Sync + 'static,
) -> io::Result<()> {
    match peer {
        Peer::Hyper => on_tokio(runtime, listener, |listener| hyper::run(listener, false, content)),
        Peer::HyperFlush => on_tokio(runtime, listener, |listener| hyper::run(listener, true, content)),
        Peer::Axum => on_tokio(runtime, listener, |listener| axum::run(listener, content)),
        Peer::ActixWeb => actix_web::run(listener, content),
        Peer::MayMinihttp => may_minihttp::run(listener, content),
    }
}
