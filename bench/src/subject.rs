//! The work of `proto` alone, in process: one head in, one answer out, again and again.

use std::io;
use std::mem::MaybeUninit;
use std::time::Instant;

use clap::ValueEnum;

use crate::heads::Head;
use crate::rungs::proto::Proto;

/// The name of the hidden subcommand that runs a subject.
pub(crate) const COMMAND: &str = "run-subject";

/// What to run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Subject {
    /// The whole exchange: request received, response sent.
    Proto,
    /// A yardstick: httparse finds the parts of the same head. It decides nothing about framing or
    /// persistence, and writes no response.
    Httparse,
    /// The whole exchange again, the head coming byte by byte.
    Dripped,
}

impl Subject {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Proto => "proto",
            Self::Httparse => "httparse",
            Self::Dripped => "dripped",
        }
    }

    /// Does the work for `requests` requests.
    ///
    /// # Errors
    /// A request was not taken as a whole one: the figures would mean nothing.
    pub(crate) fn run(self, head: &[u8], requests: u64) -> io::Result<()> {
        let done = match self {
            Self::Proto => Exchanges::new().run(head, requests),
            Self::Httparse => parse(head, requests),
            Self::Dripped => Exchanges::new().run_dripped(head, requests),
        };
        if done { Ok(()) } else { Err(io::Error::other("a request was not taken as whole")) }
    }
}

/// One connection of the core, with its output buffer grown by a first exchange.
pub(crate) struct Exchanges {
    proto: Proto,
    out: Vec<u8>,
    now: Instant,
}

impl Exchanges {
    pub(crate) fn new() -> Self {
        let mut exchanges = Self { proto: Proto::factory()(), out: Vec::new(), now: Instant::now() };
        exchanges.run(Head::Small.bytes(), 1);
        exchanges
    }

    /// True if every request was taken whole and answered.
    pub(crate) fn run(&mut self, head: &[u8], requests: u64) -> bool {
        (0..requests).all(|_| {
            self.out.clear();
            let input = std::hint::black_box(head);
            let step = self.proto.answer_at(self.now, input, &mut self.out);
            step == (input.len(), true) && !std::hint::black_box(&self.out).is_empty()
        })
    }

    /// The same, with each byte presented as it comes, behind those not yet used.
    fn run_dripped(&mut self, head: &[u8], requests: u64) -> bool {
        (0..requests).all(|_| {
            self.out.clear();
            let mut used = 0;
            for end in 1..=head.len() {
                let input = std::hint::black_box(&head[used..end]);
                used += self.proto.answer_at(self.now, input, &mut self.out).0;
            }
            used == head.len() && !std::hint::black_box(&self.out).is_empty()
        })
    }
}

fn parse(head: &[u8], requests: u64) -> bool {
    (0..requests).all(|_| {
        let input = std::hint::black_box(head);
        // Without initialising the table, as hyper does.
        let mut fields = [MaybeUninit::uninit(); 64];
        let mut request = httparse::Request::new(&mut []);
        let parsed = request.parse_with_uninit_headers(input, &mut fields);
        std::hint::black_box(&request);
        parsed == Ok(httparse::Status::Complete(input.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_take_both_heads_whole() {
        for subject in [Subject::Proto, Subject::Httparse, Subject::Dripped] {
            for head in Head::ALL {
                assert!(subject.run(head.bytes(), 3).is_ok(), "{subject:?} {head}");
            }
        }
    }
}
