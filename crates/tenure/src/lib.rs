//! HTTP persistent connections done right: a [`client`] and a [`server`] whose one subject is the
//! life of an HTTP connection.
//!
//! A server for any `tower` service:
//! ```no_run
//! # async fn run() -> std::io::Result<()> {
//! use http::{Request, Response};
//! use tenure::{Body, server};
//! use tower::service_fn;
//!
//! let hello = service_fn(|_: Request<Body>| async { Ok::<_, std::convert::Infallible>(Response::new(Body::from("hello\n"))) });
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! server::serve(listener, hello).await
//! # }
//! ```
//! A client whose requests share connections:
//! ```no_run
//! # async fn run() -> Result<(), tenure::Error> {
//! use tenure::ResponseExt as _;
//!
//! let client = tenure::Client::new();
//! let response = client.get("http://127.0.0.1:8080/").await?;
//! println!("{} on {:?}, {:?}", response.status(), response.connection(), response.timing());
//! # Ok(())
//! # }
//! ```
//! What connections do is told to an [`Observer`]; each request runs in a `tracing` span; the feature
//! `metrics` adds an observer that records metrics, `metrics::Metrics`.
//!
//! The protocol itself, without I/O, is the crate [`tenure_proto`], re-exported as [`proto`].

mod error;
mod idle;
mod io;
mod observe;
mod sys;
#[cfg(feature = "tls")]
mod tls;

pub mod client;
#[cfg(feature = "metrics")]
pub mod metrics;
pub mod server;

pub use client::{Client, ResponseExt, Timing};
pub use error::Error;
pub use io::Body;
pub use observe::{
    ConnectionInfo, Direction, Exchanged, Observer, Opened, Pipelined, ServerAddress, TlsFacts, TlsVersion,
};
pub use proto::{CloseReason, Fate};
pub use sys::{TcpFacts, tcp_facts};
pub use tenure_proto as proto;

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The code in the pages of `docs` compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/from-axum-and-hyper.md")]
struct FromAxumAndHyper;
