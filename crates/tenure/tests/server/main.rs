//! The server's loop against raw peers on real sockets.

#[path = "../common/mod.rs"]
mod common;

mod collect;
mod content;
mod drain;
mod drain_load;
mod early;
mod expect;
mod files;
mod forwarded;
mod handling;
mod head;
mod idle_answer;
mod malformed;
mod observed;
mod park;
mod per_address;
mod persist;
mod probes;
mod proxy;
mod raw;
mod raw_content;
mod respond;
mod slow;
mod streams;
mod timeouts;
mod trouble;
mod upgrade;
mod workers;
