//! Connections that end while nothing is outstanding.

use crate::answer::Answer;
use crate::parameter::{Kind, Parameter};
use crate::plan::{Step, end};
use crate::scenario::{BY, JITTER, Scenario};

const AFTER: Parameter = Parameter {
    name: "after",
    kind: Kind::Duration,
    default: "50ms",
    about: "how long a connection may be idle after each response",
};

const DELAY: Parameter = Parameter {
    name: "delay",
    kind: Kind::Duration,
    default: "0ms",
    about: "how long the answer takes once the request is processed",
};

pub(super) const IDLE_CLOSE: Scenario = Scenario {
    name: "idle-close",
    about: "Closes a connection that has been idle for a while.",
    section: "RFC 9112 section 9.5",
    parameters: &[AFTER, JITTER, BY, DELAY],
    plan: |x| {
        let delay = x.values.duration("delay");
        let work = (!delay.is_zero()).then_some(Step::Pause(delay));
        let answer = [Step::Send(Answer::ok(x).bytes()), Step::Idle(x.spread("after")), end(x.values.choice("by"))];
        [Step::ReadContent, Step::Process].into_iter().chain(work).chain(answer).collect()
    },
};

pub(super) const IDLE_408: Scenario = Scenario {
    name: "idle-408",
    about: "Sends 408 (Request Timeout) to a connection that has been idle for a while, and closes.",
    section: "RFC 9110 section 15.5.9",
    parameters: &[
        AFTER,
        JITTER,
        Parameter {
            name: "linger",
            kind: Kind::Duration,
            default: "0ms",
            about: "how long between the 408 and the close",
        },
    ],
    plan: |x| {
        let linger = x.values.duration("linger");
        let wait = (!linger.is_zero()).then_some(Step::Pause(linger));
        let rest = [Step::Idle(x.spread("after")), Step::SendUnasked(REQUEST_TIMEOUT.to_vec())];
        x.processed_then(Answer::ok(x).bytes(), rest.into_iter().chain(wait).chain([Step::Close]))
    },
};

/// A 408 that answers nothing.
const REQUEST_TIMEOUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 8\r\nConnection: close\r\n\r\ntimeout\n";
