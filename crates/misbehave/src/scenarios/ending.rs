//! Connections that end around a request.

use std::time::Duration;

use crate::answer::Answer;
use crate::parameter::{Kind, Parameter};
use crate::plan::{Step, end};
use crate::scenario::{AT, BY, JITTER, Scenario};

/// How long a scenario waits for a request that it needs.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) const OK: Scenario = Scenario {
    name: "ok",
    about: "Answers well and keeps the connection: what the other scenarios are measured against.",
    section: "RFC 9112 section 9.3",
    parameters: &[],
    plan: |x| x.answered(),
};

pub(super) const LARGE: Scenario = Scenario {
    name: "large",
    about: "Answers well, with as much content as asked for: for clients that do not read it.",
    section: "RFC 9112 section 9.3",
    parameters: &[Parameter {
        name: "bytes",
        kind: Kind::Number(16_000_000),
        default: "100000",
        about: "how long the content is",
    }],
    plan: |x| {
        let length = usize::try_from(x.values.number("bytes")).unwrap_or(0);
        x.processed_then(Answer::ok(x).length(length).bytes(), x.end())
    },
};

pub(super) const STALL: Scenario = Scenario {
    name: "stall",
    about: "Reads the request's head, none of its content, and never answers.",
    section: "RFC 9110 section 7.5",
    parameters: &[],
    plan: |_| vec![Step::Pause(PATIENCE), Step::Close],
};

pub(super) const CLOSE_AFTER: Scenario = Scenario {
    name: "close-after",
    about: "Closes after a response without having said so, at once or a moment later.",
    section: "RFC 9112 section 9.5",
    parameters: &[
        Parameter { default: "3", ..AT },
        Parameter { name: "after", kind: Kind::Duration, default: "0ms", about: "how long after that response" },
        JITTER,
        BY,
    ],
    plan: |x| {
        if !x.is_due() {
            return x.answered();
        }
        let after = x.spread("after");
        // Without a wait the FIN leaves with the response, whether a request has come or not.
        let wait = if after.is_zero() { None } else { Some(Step::Idle(after)) };
        let rest = wait.into_iter().chain([end(x.values.choice("by"))]);
        x.processed_then(Answer::ok(x).bytes(), rest)
    },
};

pub(super) const UNREAD: Scenario = Scenario {
    name: "unread",
    about: "Answers, waits until the next request is there, and closes without reading it: a reset.",
    section: "RFC 9112 section 9.6",
    parameters: &[Parameter { default: "1", about: "after which response on a connection", ..AT }],
    plan: |x| {
        if !x.is_due() {
            return x.answered();
        }
        x.processed_then(Answer::ok(x).bytes(), [Step::AwaitUnread(PATIENCE), Step::Close])
    },
};

pub(super) const DROP: Scenario = Scenario {
    name: "drop",
    about: "Processes the request, then ends the connection without an answer.",
    section: "RFC 9110 section 9.2.2",
    parameters: &[AT, BY],
    plan: |x| {
        if !x.is_due() {
            return x.answered();
        }
        vec![Step::ReadContent, Step::Process, end(x.values.choice("by"))]
    },
};

pub(super) const HALF_CLOSE_PROCESS: Scenario = Scenario {
    name: "half-close-process",
    about: "Sends its FIN after a response, processes the request that crosses it, then resets.",
    section: "RFC 9112 section 9.6",
    parameters: &[
        Parameter { default: "1", about: "after which response on a connection", ..AT },
        Parameter { name: "after", kind: Kind::Duration, default: "0ms", about: "how long after that response" },
        JITTER,
    ],
    plan: |x| {
        if !x.is_due() {
            return x.answered();
        }
        let rest = [Step::Idle(x.spread("after")), Step::HalfClose, Step::ProcessNext(PATIENCE), Step::Reset];
        x.processed_then(Answer::ok(x).bytes(), rest)
    },
};

pub(super) const DEAD: Scenario = Scenario {
    name: "dead",
    about: "Reads the request and never answers.",
    section: "RFC 9112 section 9.5",
    parameters: &[
        Parameter { default: "1", ..AT },
        Parameter {
            name: "process",
            kind: Kind::Choice(&["no", "yes"]),
            default: "no",
            about: "count it as processed",
        },
    ],
    plan: |x| {
        if !x.is_due() {
            return x.answered();
        }
        let process = x.values.yes("process").then_some(Step::Process);
        [Step::ReadContent].into_iter().chain(process).chain([Step::Discard(PATIENCE), Step::Close]).collect()
    },
};
