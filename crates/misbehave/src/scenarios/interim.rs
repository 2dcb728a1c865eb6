//! Interim responses, more than anybody needs.

use std::time::Duration;

use crate::answer::Answer;
use crate::parameter::{Kind, Parameter};
use crate::plan::Step;
use crate::scenario::{AT, Scenario};

pub(super) const INTERIM: Scenario = Scenario {
    name: "interim",
    about: "Sends interim responses (1xx) before the answer, few or a flood.",
    section: "RFC 9110 section 15.2",
    parameters: &[
        Parameter { name: "count", kind: Kind::Number(100_000), default: "100", about: "how many of them" },
        Parameter {
            name: "status",
            kind: Kind::Choice(&["100", "102", "103"]),
            default: "103",
            about: "which one; 100 also where nobody expects it",
        },
        Parameter { name: "gap", kind: Kind::Duration, default: "0ms", about: "how long between two of them" },
        Parameter { default: "1", ..AT },
    ],
    plan: |x| {
        if !x.is_due() {
            return x.answered();
        }
        let one: &[u8] = match x.values.choice("status") {
            "100" => b"HTTP/1.1 100 Continue\r\n\r\n",
            "102" => b"HTTP/1.1 102 Processing\r\n\r\n",
            _ => b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n",
        };
        let count = usize::try_from(x.values.number("count")).unwrap_or(0);
        let mut steps = vec![Step::ReadContent, Step::Process];
        steps.extend(flood(one, count, x.values.duration("gap")));
        steps.push(Step::Send(Answer::ok(x).bytes()));
        steps.extend(x.end());
        steps
    },
};

fn flood(one: &[u8], count: usize, gap: Duration) -> Vec<Step> {
    if gap.is_zero() {
        return vec![Step::Send(one.repeat(count))];
    }
    (0..count).flat_map(|_| [Step::Send(one.to_vec()), Step::Pause(gap)]).collect()
}
