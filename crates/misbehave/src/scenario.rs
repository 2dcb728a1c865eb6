//! What a scenario is.

use std::time::Duration;

use tenure_proto::Persistence;

use crate::answer::Answer;
use crate::parameter::{Kind, Parameter, Values};
use crate::plan::{Step, staged_close};
use crate::random::Random;

/// One way to misbehave, chosen by the path `/NAME`.
#[derive(Debug)]
pub struct Scenario {
    /// Its name, which is its path without the slash.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// Which part of which RFC it plays with.
    pub section: &'static str,
    /// What the query can say.
    pub parameters: &'static [Parameter],
    pub(crate) plan: fn(&Exchange<'_>) -> Vec<Step>,
}

/// A request, as far as plans look at it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) id: String,
    pub(crate) persistence: Persistence,
    pub(crate) expects_continue: bool,
    pub(crate) wants_json: bool,
    /// Who sent it: the first product of `User-Agent`, empty without one.
    pub(crate) client: String,
    /// It came over TLS.
    pub(crate) secure: bool,
}

/// What a plan is made of.
pub(crate) struct Exchange<'a> {
    pub(crate) request: &'a Request,
    pub(crate) values: &'a Values,
    /// Which request on its connection this is, counted from 1.
    pub(crate) number: u64,
    pub(crate) random: Random,
}

/// The parameter that says which request meets the misbehaviour.
pub(crate) const AT: Parameter = Parameter {
    name: "at",
    kind: Kind::Number(1_000_000),
    default: "2",
    about: "which request on a connection meets it, counted from 1; earlier ones are answered well",
};

/// The parameter that says how the connection ends.
pub(crate) const BY: Parameter = Parameter {
    name: "by",
    kind: Kind::Choice(&["fin", "reset"]),
    default: "fin",
    about: "how the connection ends; a FIN becomes a reset where the kernel holds unread bytes",
};

/// The parameter that spreads a time.
pub(crate) const JITTER: Parameter = Parameter {
    name: "jitter",
    kind: Kind::Duration,
    default: "0ms",
    about: "the time is spread by plus or minus this",
};

/// The parameter that lets a connection live on after its end was announced.
pub(crate) const LINGER: Parameter = Parameter {
    name: "linger",
    kind: Kind::Duration,
    default: "200ms",
    about: "how long it keeps the connection after saying that it closes, to see who sends another request",
};

impl Exchange<'_> {
    /// This request is the one that parameter `at` names, or a later one.
    pub(crate) fn is_due(&self) -> bool {
        self.number >= self.values.number(AT.name)
    }

    /// The time `name`, spread by `jitter`.
    pub(crate) fn spread(&self, name: &str) -> Duration {
        self.random.clone().around(self.values.duration(name), self.values.duration(JITTER.name))
    }

    /// Reads, processes and sends `bytes`; then `rest`.
    pub(crate) fn processed_then(&self, bytes: Vec<u8>, rest: impl IntoIterator<Item = Step>) -> Vec<Step> {
        let mut steps = vec![Step::ReadContent, Step::Process, Step::Send(bytes)];
        steps.extend(rest);
        steps
    }

    /// Does everything right.
    pub(crate) fn answered(&self) -> Vec<Step> {
        self.processed_then(Answer::ok(self).bytes(), self.end())
    }

    /// What follows a response that is right: nothing, or the close that was asked for.
    pub(crate) fn end(&self) -> impl Iterator<Item = Step> {
        let closes = self.request.persistence != Persistence::Persist;
        closes.then(staged_close).into_iter().flatten()
    }
}
