//! A `Content-Length` that is not the content's.

use std::time::Duration;

use crate::answer::Answer;
use crate::parameter::{Kind, Parameter};
use crate::plan::{Step, Wrong, end};
use crate::scenario::{AT, Scenario};

/// How long it keeps a connection on which a client waits for the rest.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) const WRONG_LENGTH: Scenario = Scenario {
    name: "wrong-length",
    about: "Says a Content-Length that is too short, or too long.",
    section: "RFC 9112 section 6.3",
    parameters: &[
        Parameter {
            name: "length",
            kind: Kind::Choice(&["short", "long"]),
            default: "short",
            about: "too short: the rest is bytes that nobody asked for; too long: the response never is complete",
        },
        Parameter { name: "off", kind: Kind::Number(1_000_000), default: "5", about: "by how many bytes" },
        Parameter {
            name: "then",
            kind: Kind::Choice(&["keep", "fin", "reset"]),
            default: "keep",
            about: "keep the connection as if all were well, or end it",
        },
        Parameter { default: "1", ..AT },
    ],
    plan: |x| {
        if !x.is_due() {
            return x.answered();
        }
        let off = isize::try_from(x.values.number("off")).unwrap_or(0);
        let (wrong, off) = if x.values.choice("length") == "short" { (Wrong::Stray, -off) } else { (Wrong::Cut, off) };
        let bytes = Answer::ok(x).off_by(off).bytes();
        let then = match x.values.choice("then") {
            "keep" => vec![Step::Idle(PATIENCE), Step::Close],
            by => vec![end(by)],
        };
        [Step::ReadContent, Step::Process, Step::SendWrong(wrong, bytes)].into_iter().chain(then).collect()
    },
};
