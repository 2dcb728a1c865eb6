//! What the tests of the loops share: a bound on every test, raw peers that speak bytes, a server
//! under observation.
#![allow(dead_code, unused_imports, reason = "each test binary uses its part")]

pub(crate) mod body;
pub(crate) mod counting;
pub(crate) mod log;
pub(crate) mod peer;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod story;

pub(crate) use log::Log;
pub(crate) use peer::{Message, Peer, Script};
pub(crate) use run::{is_pending, run, run_paused, run_threads, run_with_busy_pool, settle};
pub(crate) use serve::{
    Served, all_parked, connection_tasks, serve, serve_logged, serve_raw, serve_raw_with, serve_with,
};
pub(crate) use story::Story;

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
