//! What is to be said about a client, by which rule.

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Against a MUST, or a request that is not idempotent repeated blindly.
    Fault,
    /// Against a SHOULD, or an advantage not taken.
    Note,
}

/// One thing to be said.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Verdict {
    /// How bad it is.
    pub level: Level,
    /// The rule's name, for programs.
    pub rule: &'static str,
    /// How many requests.
    pub count: u64,
    /// What happened, in words.
    pub text: &'static str,
    /// Where the rule stands.
    pub section: &'static str,
}

/// A rule, in the order of a report.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Rule {
    RepeatedUnsafe,
    SentAfterClose,
    TookIncomplete,
    TookWrong,
    TookInterim,
    RefusedRight,
    RepeatedPastFin,
    RefusedFlood,
    ReusedAfterStray,
    RepeatedOften,
    NotRepeated,
    HintIgnored,
    NotReused,
}

impl Rule {
    /// The verdict on so many requests. `section` is the scenario's own.
    pub(crate) fn verdict(self, count: u64, section: &'static str) -> Verdict {
        let (level, rule, text, section) = match self {
            Self::RepeatedUnsafe => (
                Level::Fault,
                "repeated-unsafe",
                "processed twice by a method that is not idempotent: repeated without knowing that it had not been processed",
                "RFC 9110 section 9.2.2",
            ),
            Self::SentAfterClose => (
                Level::Fault,
                "sent-after-close",
                "sent on a connection after a response that ended it",
                "RFC 9112 sections 9.3 and 9.6",
            ),
            Self::TookIncomplete => (
                Level::Fault,
                "took-incomplete",
                "an incomplete response passed on as a complete one",
                "RFC 9112 sections 8 and 9.8",
            ),
            Self::TookWrong => (
                Level::Fault,
                "took-wrong",
                "bytes that answered nothing, or another request, passed on as the answer",
                "RFC 9112 section 9.2",
            ),
            Self::TookInterim => (
                Level::Fault,
                "took-interim",
                "an interim response (1xx) passed on as the answer",
                "RFC 9110 section 15.2",
            ),
            Self::RefusedRight => {
                (Level::Fault, "refused-right", "a complete answer, right by the rules, became an error", section)
            }
            Self::RepeatedPastFin => (
                Level::Note,
                "repeated-past-fin",
                "processed twice, by a server that processes what crosses its FIN: taken for not processed because of that FIN",
                "RFC 9110 section 9.2.2",
            ),
            Self::RefusedFlood => (
                Level::Note,
                "refused-flood",
                "an answer behind so many interim responses became an error; one or more must be taken, how many is open",
                "RFC 9110 section 15.2",
            ),
            Self::ReusedAfterStray => (
                Level::Note,
                "reused-after-stray",
                "sent on a connection after bytes that nobody had asked for",
                "RFC 9112 section 9.2",
            ),
            Self::RepeatedOften => (Level::Note, "repeated-often", "repeated more than once", "RFC 9110 section 9.2.2"),
            Self::NotRepeated => (
                Level::Note,
                "not-repeated",
                "an error where a used connection had ended without an answer, and the method would have let it be repeated",
                "RFC 9112 section 9.3.1",
            ),
            Self::HintIgnored => (
                Level::Note,
                "hint-ignored",
                "sent on a connection after its Keep-Alive announcement had run out",
                "RFC 2068 section 19.7.1",
            ),
            Self::NotReused => (
                Level::Note,
                "not-reused",
                "on a connection of its own, where each could have been used again",
                "RFC 9112 section 9.3",
            ),
        };
        Verdict { level, rule, count, text, section }
    }
}
