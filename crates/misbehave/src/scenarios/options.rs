//! `Connection` options as they come in the wild: in odd cases, in lists, over several lines.

use crate::answer::Answer;
use crate::parameter::{Kind, Parameter};
use crate::plan::{Step, Terms};
use crate::scenario::{LINGER, Scenario};

/// One way to write them.
struct Way {
    name: &'static str,
    /// The values of the field's lines.
    lines: &'static [&'static str],
    has_close: bool,
    has_keep_alive: bool,
}

const fn way(name: &'static str, lines: &'static [&'static str], has_close: bool, has_keep_alive: bool) -> Way {
    Way { name, lines, has_close, has_keep_alive }
}

const NAMES: &[&str] = &[
    "odd-case",
    "list",
    "empty-elements",
    "tabs",
    "two-lines",
    "close-then-keep-alive",
    "keep-alive-then-close",
    "both-in-a-list",
    "lookalike",
    "keep-alive-odd-case",
    "keep-alive-in-a-list",
];

/// In the order of [`NAMES`], which the parameter needs apart.
static WAYS: &[Way] = &[
    way("odd-case", &["cLoSe"], true, false),
    way("list", &["x-one, close, x-two"], true, false),
    way("empty-elements", &[", ,close ,,"], true, false),
    way("tabs", &["\tx-one\t,\tclose\t"], true, false),
    way("two-lines", &["x-one", "close"], true, false),
    way("close-then-keep-alive", &["close", "keep-alive"], true, true),
    way("keep-alive-then-close", &["keep-alive", "close"], true, true),
    way("both-in-a-list", &["keep-alive, close"], true, true),
    way("lookalike", &["closed, not-close, x-close"], false, false),
    way("keep-alive-odd-case", &["KEEP-Alive"], false, true),
    way("keep-alive-in-a-list", &["x-one, keep-alive"], false, true),
];

pub(super) const CONNECTION: Scenario = Scenario {
    name: "connection",
    about: "Says Connection: close or keep-alive in odd cases and lists; where that means close it keeps the connection, to see who sends on.",
    section: "RFC 9112 sections 9.3 and 9.6; RFC 9110 section 7.6.1",
    parameters: &[
        Parameter { name: "value", kind: Kind::Choice(NAMES), default: "odd-case", about: "how it is written" },
        Parameter {
            name: "version",
            kind: Kind::Choice(&["1.1", "1.0"]),
            default: "1.1",
            about: "in HTTP/1.0 a connection persists only by keep-alive",
        },
        LINGER,
    ],
    plan: |x| {
        let (name, is_old) = (x.values.choice("value"), x.values.choice("version") == "1.0");
        let Some(way) = WAYS.iter().find(|way| way.name == name) else { return x.answered() };
        let answer = Answer::ok(x).version(if is_old { "HTTP/1.0" } else { "HTTP/1.1" });
        let answer = way.lines.iter().fold(answer, |answer, line| answer.field(format!("Connection: {line}")));
        if !way.has_close && (!is_old || way.has_keep_alive) {
            return x.processed_then(answer.bytes(), x.end());
        }
        let closes = Step::Terms(Terms { closes: true, ..Terms::default() });
        x.processed_then(answer.bytes(), [closes, Step::Idle(x.values.duration(LINGER.name)), Step::Close])
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_its_way() {
        assert!(NAMES.iter().eq(WAYS.iter().map(|way| &way.name)));
    }
}
