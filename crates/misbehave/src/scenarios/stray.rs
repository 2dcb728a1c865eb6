//! Bytes that belong to no response.

use crate::answer::Answer;
use crate::parameter::{Kind, Parameter};
use crate::plan::Step;
use crate::scenario::{AT, Exchange, JITTER, Scenario};

pub(super) const STRAY: Scenario = Scenario {
    name: "stray",
    about: "Sends bytes that nobody asked for before, with or some time after a response, and goes on.",
    section: "RFC 9112 section 9.2",
    parameters: &[
        Parameter {
            name: "place",
            kind: Kind::Choice(&["with", "after", "before"]),
            default: "with",
            about: "in the same write behind the response, some time after it, or before it",
        },
        Parameter {
            name: "what",
            kind: Kind::Choice(&["response", "garbage", "newline"]),
            default: "response",
            about: "a whole response to nothing, bytes that mean nothing, or an empty line",
        },
        Parameter { name: "after", kind: Kind::Duration, default: "5ms", about: "how long after the response" },
        JITTER,
        Parameter { default: "1", ..AT },
    ],
    plan: |x| {
        if x.is_due() { strayed(x) } else { x.answered() }
    },
};

fn strayed(x: &Exchange<'_>) -> Vec<Step> {
    let stray: &[u8] = match x.values.choice("what") {
        "response" => b"HTTP/1.1 200 OK\r\nX-Request-Id: stray\r\nContent-Length: 6\r\n\r\nstray\n",
        "garbage" => b"\x00\xff stray \x01",
        _ => b"\r\n",
    };
    let answer = Answer::ok(x).bytes();
    match x.values.choice("place") {
        "with" => x.processed_then([&answer, stray].concat(), []),
        "before" => x.processed_then([stray, &answer].concat(), []),
        _ => x.processed_then(answer, [Step::Idle(x.spread("after")), Step::SendUnasked(stray.to_vec())]),
    }
}
