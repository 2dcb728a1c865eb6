//! The built program `tenure`, driven as a user does, against servers of every kind.

mod captures;
mod chain;
mod explain;
mod get;
mod misbehave;
mod page;
mod probe;
mod send;
mod serve;
mod serve_limits;
mod support;
mod telemetry;
mod tls;
