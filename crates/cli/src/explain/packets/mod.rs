//! A packet capture: each connection's life, and the requests that lost the race with a close.
//!
//! `tenure_capture` finds out; here it is told, as text, JSON or a page.

mod html;
mod json;
mod text;
mod words;

use std::error::Error;
use std::io::{Read, Write};

use tenure_capture::{Capture, Outcome, Side};

use super::page::Page;

/// What the command line says about a capture.
#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Where a packet capture was made, if that is known: the order of its packets proves more at
    /// an end than in between
    #[arg(long, value_name = "SIDE", value_parser = side, requires = "file", help_heading = "Packet captures")]
    side: Option<Side>,
    /// Print one JSON document
    #[arg(long, requires = "file", help_heading = "Packet captures")]
    json: bool,
    /// Also draw the connections as lanes over time, as one page for a browser
    #[arg(long, value_name = "PAGE", requires = "file", help_heading = "Packet captures")]
    html: Option<std::path::PathBuf>,
}

impl Options {
    /// The first option that means nothing without a capture.
    pub(super) const fn given(&self) -> Option<&'static str> {
        match self {
            Self { side: Some(_), .. } => Some("--side"),
            Self { json: true, .. } => Some("--json"),
            Self { html: Some(_), .. } => Some("--html"),
            _ => None,
        }
    }
}

fn side(text: &str) -> Result<Side, String> {
    [Side::Client, Side::Server, Side::Middle, Side::Both]
        .into_iter()
        .find(|side| side.name() == text)
        .ok_or_else(|| "client, server, middle or both".to_owned())
}

/// Explains the capture `source`, called `name`. 0 if every exchange was answered, else 1.
///
/// # Errors
/// Reading it, writing to `out`, or writing the page.
pub(super) fn explain(
    name: &str,
    source: impl Read + Send,
    options: &Options,
    out: &mut dyn Write,
    color: bool,
) -> Result<u8, Box<dyn Error>> {
    let capture = tenure_capture::read(source, options.side).map_err(|e| format!("cannot read {name}: {e}"))?;
    if let Some(path) = &options.html {
        crate::report::html::write(path, &html::page(name, &capture))?;
    }
    if options.json {
        writeln!(out, "{}", json::document(name, &capture)?)?;
    } else {
        text::print(name, &capture, &mut Page::new(out, color, 0))?;
    }
    Ok(u8::from(Counts::of(&capture).lost > 0))
}

/// How many of each there are.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Counts {
    exchanges: u64,
    answered: u64,
    open: u64,
    unseen: u64,
    lost: u64,
    /// Of the lost ones.
    races: u64,
    /// Of the lost ones: the server cannot have processed the whole request.
    not_processed: u64,
}

impl Counts {
    fn of(capture: &Capture) -> Self {
        let mut counts = Self::default();
        for exchange in capture.lives.iter().flat_map(|life| &life.exchanges) {
            counts.exchanges += 1;
            match exchange.outcome {
                Outcome::Answered => counts.answered += 1,
                Outcome::Open => counts.open += 1,
                Outcome::Lost { fate, race, .. } => {
                    counts.lost += 1;
                    counts.races += u64::from(race.is_some());
                    counts.not_processed += u64::from(fate.is_safe_to_retry());
                }
                _ => counts.unseen += 1,
            }
        }
        counts
    }
}
