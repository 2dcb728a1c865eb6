//! Final responses sent before the request's content was read.

use crate::answer::Answer;
use crate::parameter::{Kind, Parameter};
use crate::plan::{Step, staged_close};
use crate::scenario::{AT, Scenario};

const LINGER: Parameter = Parameter {
    name: "linger",
    kind: Kind::Choice(&["yes", "no"]),
    default: "yes",
    about: "half-close and read on, so that the response is not lost to a reset, or close at once",
};

pub(super) const EARLY_413: Scenario = Scenario {
    name: "early-413",
    about: "Answers 413 (Content Too Large) before it has read the content, and closes.",
    section: "RFC 9112 section 9.6; RFC 9110 section 15.5.14",
    parameters: &[Parameter { default: "1", ..AT }, LINGER],
    plan: |x| {
        if !x.is_due() {
            return x.answered();
        }
        let refusal = Answer::ok(x).status("413 Content Too Large").closes().bytes();
        refused(refusal, x.values.yes("linger"))
    },
};

pub(super) const EARLY_408: Scenario = Scenario {
    name: "early-408",
    about: "Answers 408 (Request Timeout) to a request under way, without processing it, and closes.",
    section: "RFC 9110 section 15.5.9",
    parameters: &[AT, LINGER],
    plan: |x| {
        if !x.is_due() {
            return x.answered();
        }
        let refusal = Answer::ok(x).status("408 Request Timeout").closes().bytes();
        refused(refusal, x.values.yes("linger"))
    },
};

fn refused(bytes: Vec<u8>, linger: bool) -> Vec<Step> {
    if linger {
        return [Step::Send(bytes)].into_iter().chain(staged_close()).collect();
    }
    // Above unread content the close is a reset, which can overtake the response.
    vec![Step::Cross, Step::Send(bytes), Step::Close]
}
