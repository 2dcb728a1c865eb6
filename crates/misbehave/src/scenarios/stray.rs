//! Bytes that belong to no response.

use crate::answer::Answer;
use crate::parameter::{Kind, Parameter};
use crate::plan::{Step, Wrong};
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
    let (place, is_newline) = (x.values.choice("place"), x.values.choice("what") == "newline");
    if place == "after" {
        return x.processed_then(answer, [Step::Idle(x.spread("after")), Step::SendUnasked(stray.to_vec())]);
    }
    // A response before the response is an answer like any other to the one who reads it.
    let crosses = place == "before" && x.values.choice("what") == "response";
    let bytes = if place == "with" { [&answer, stray].concat() } else { [stray, &answer].concat() };
    // An empty line may be skipped, and is no sign of confusion (RFC 9112 section 9.2).
    let send = if is_newline { Step::Send(bytes) } else { Step::SendWrong(Wrong::Stray, bytes) };
    [Step::ReadContent, Step::Process].into_iter().chain(crosses.then_some(Step::Cross)).chain([send]).collect()
}
