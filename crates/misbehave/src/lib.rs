//! An HTTP server that misbehaves on request, for clients to be tried against: in the spirit of
//! httpbin, but for connections.
//!
//! A request chooses its [`Scenario`] by path and its parameters by query:
//! `GET /idle-close?after=50ms&jitter=5ms&by=reset`. `GET /` lists them all, as a page or, asked
//! for `application/json`, as JSON; `GET /report` says what was seen per scenario
//! and client: the requests, those processed, those processed twice, the connections opened, announcements
//! obeyed, and verdicts with the RFC's section. `GET /tour` is a list of requests through all scenarios,
//! for drivers of different clients.
//!
//! A request says who it is by the field `X-Request-Id`; the answer repeats it in the same field
//! and in its content, so that a wrong answer shows. A request without one gets an id of its own.
//!
//! The walk: [`Server`] accepts, `connection` reads a request with `wire`, asks the scenario for a
//! plan (a pure function of request, parameters and seed) and takes its steps one by one. The bytes
//! of a plan are written to the socket as they are, right or wrong.
//!
//! Everything is bounded: connections at once, a connection's life, content, waits, ids remembered.
#![forbid(unsafe_code)]

mod account;
mod answer;
mod connection;
mod identity;
mod ledger;
mod outcome;
mod page;
mod parameter;
mod plan;
mod random;
mod scenario;
mod scenarios;
mod server;
mod socket;
mod tour;
mod verdict;
mod wire;

pub use account::{Account, Case, Report, Told};
pub use identity::Identity;
pub use parameter::{Kind, Parameter};
pub use scenario::Scenario;
pub use scenarios::ALL;
pub use server::{Builder, Server};
pub use verdict::{Level, Verdict};
