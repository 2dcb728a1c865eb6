//! The server's loop against raw peers on real sockets.

#[path = "../common/mod.rs"]
mod common;

mod content;
mod drain;
mod early;
mod expect;
mod head;
mod malformed;
mod observed;
mod park;
mod persist;
mod respond;
mod streams;
mod timeouts;
mod trouble;
mod upgrade;
