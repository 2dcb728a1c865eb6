//! The built program `tenure`, driven as a user does, against servers of every kind.

mod chain;
mod explain;
mod get;
mod send;
mod serve;
mod support;
mod telemetry;
mod tls;
