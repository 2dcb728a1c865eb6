//! What the fuzz targets check; `README.md` says how to run them and what each proves.
//!
//! Every target is one function `check(data)` that returns or panics, so that the corpus can also be
//! replayed by a plain test (`cargo test`), without a fuzzer.
#![forbid(unsafe_code)]

pub mod capture;
pub mod client;
pub mod differential;
mod feed;
mod invariants;
pub mod operations;
pub mod outgoing;
pub mod server;
mod settings;
