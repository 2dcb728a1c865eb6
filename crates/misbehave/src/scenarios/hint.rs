//! `Keep-Alive` fields, true and lying.

use std::time::Duration;

use crate::answer::Answer;
use crate::parameter::{Kind, Parameter};
use crate::plan::{Step, Terms, end};
use crate::scenario::{BY, Exchange, JITTER, Scenario};

const LIE_AFTER: Parameter = Parameter {
    name: "after",
    kind: Kind::Duration,
    default: "1s",
    about: "when it really closes: the same time is the truth, a shorter one the lie, a longer one the test",
};

pub(super) const HINT_TIMEOUT: Scenario = Scenario {
    name: "hint-timeout",
    about: "Announces Keep-Alive: timeout=T and closes an idle connection at another time, or the same.",
    section: "RFC 2068 section 19.7.1; RFC 9112 section 9.5",
    parameters: &[
        Parameter { name: "timeout", kind: Kind::Number(3600), default: "1", about: "the seconds announced" },
        LIE_AFTER,
        JITTER,
        BY,
    ],
    plan: |x| {
        let timeout = x.values.number("timeout");
        let terms = Terms { timeout: Some(Duration::from_secs(timeout)), ..Terms::default() };
        let rest = [Step::Terms(terms), Step::Idle(x.spread("after")), end(x.values.choice("by"))];
        x.processed_then(hinted(x, format!("timeout={timeout}")).bytes(), rest)
    },
};

pub(super) const HINT_MAX: Scenario = Scenario {
    name: "hint-max",
    about: "Announces Keep-Alive: max=N counting down, and closes without a word when none, or fewer, are left.",
    section: "RFC 2068 section 19.7.1; RFC 9112 section 9.5",
    parameters: &[
        Parameter {
            name: "max",
            kind: Kind::Number(1_000_000),
            default: "3",
            about: "requests per connection announced",
        },
        Parameter {
            name: "early",
            kind: Kind::Number(1_000_000),
            default: "0",
            about: "so many requests sooner it really closes",
        },
        Parameter {
            name: "late",
            kind: Kind::Number(1_000_000),
            default: "0",
            about: "so many requests more than announced it answers, to see who sends them",
        },
        Parameter {
            name: "after",
            kind: Kind::Duration,
            default: "0ms",
            about: "how long after its last response it closes",
        },
        JITTER,
        BY,
    ],
    plan: |x| {
        let (max, early, late) = (x.values.number("max"), x.values.number("early"), x.values.number("late"));
        let left = max.saturating_sub(x.number);
        let bytes = hinted(x, format!("timeout=60, max={left}")).bytes();
        let terms = Step::Terms(Terms { left: Some(left), ..Terms::default() });
        if (max + late).saturating_sub(x.number) > early {
            return x.processed_then(bytes, [terms]);
        }
        let after = x.spread("after");
        let wait = (after > Duration::ZERO).then_some(Step::Idle(after));
        x.processed_then(bytes, [terms].into_iter().chain(wait).chain([end(x.values.choice("by"))]))
    },
};

/// The field and the connection option that it needs (RFC 9110 section 7.6.1).
fn hinted(x: &Exchange<'_>, hint: String) -> Answer {
    Answer::ok(x).field(format!("Keep-Alive: {hint}")).field("Connection: keep-alive".to_owned())
}
