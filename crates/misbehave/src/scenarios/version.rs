//! Servers that speak HTTP/1.0.

use crate::answer::{Answer, Framing};
use crate::parameter::{Kind, Parameter};
use crate::plan::{Step, Terms};
use crate::scenario::{LINGER, Scenario};

pub(super) const HTTP10: Scenario = Scenario {
    name: "http10",
    about: "Answers in HTTP/1.0, with or without keep-alive, with or without a length.",
    section: "RFC 9112 section 9.3 and appendix C.2.2",
    parameters: &[
        Parameter {
            name: "keep-alive",
            kind: Kind::Choice(&["no", "yes"]),
            default: "no",
            about: "say Connection: keep-alive and keep the connection, or close after the response",
        },
        Parameter {
            name: "length",
            kind: Kind::Choice(&["yes", "no"]),
            default: "yes",
            about: "say Content-Length, or let the close end the content (and then never persist)",
        },
        Parameter { default: "0ms", ..LINGER },
    ],
    plan: |x| {
        let (keep, length) = (x.values.yes("keep-alive"), x.values.yes("length"));
        let mut answer = Answer::ok(x).version("HTTP/1.0");
        if keep {
            answer = answer.field("Connection: keep-alive".to_owned());
        }
        if !length {
            answer = answer.framing(Framing::CloseDelimited);
        }
        let linger = x.values.duration(LINGER.name);
        let wait = (length && !linger.is_zero()).then_some(Step::Idle(linger));
        let closes = Terms { closes: true, ..Terms::default() };
        let end = [Step::Terms(closes)].into_iter().chain(wait).chain([Step::Close]);
        x.processed_then(answer.bytes(), end.filter(|_| !keep || !length))
    },
};
