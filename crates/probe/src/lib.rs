//! How does a server treat persistent connections? This library asks it, as a client would, and measures.
//!
//! Each [experiment](EXPERIMENTS) is one small file: it opens connections, watches what becomes of them, and yields
//! [`Finding`]s: a value, how sure it is, a verdict with the section of the RFC, and one sentence of advice.
//! [`Probe::run`] runs them side by side within bounds, and tells each finding as soon as it is known.
//!
//! Requests are written byte by byte and read through the client of `tenure-proto`, so that nothing is sent again, mended
//! or hidden in between. Time is tokio's, so that tests can turn its clock.
//!
//! Nothing is concluded from a server that has gone: an experiment's findings are told only after the server has
//! answered once more.
#![forbid(unsafe_code)]

mod answer;
mod diagnosis;
mod dial;
mod ending;
mod experiments;
mod failure;
mod finding;
mod greeting;
mod lab;
mod line;
mod report;
mod request;
mod run;
mod target;
mod timeline;

pub use dial::{Dial, Offer, Opened, Stream, Tcp, TlsFacts};
pub use experiments::{EXPERIMENTS, Experiment};
pub use failure::Failure;
pub use finding::{Confidence, Finding, Level, Value};
pub use greeting::Greeting;
pub use report::{Report, Unmeasured};
pub use run::{Event, Probe};
pub use target::Target;
pub use timeline::{Mark, Timeline, Track, What};

use std::pin::Pin;

/// A future that experiments and [`Dial`] return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
