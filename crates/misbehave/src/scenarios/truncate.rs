//! Responses that end before they are complete.

use crate::answer::{Answer, Framing};
use crate::parameter::{Kind, Parameter};
use crate::plan::{Step, Wrong, end};
use crate::scenario::{AT, BY, Scenario};

pub(super) const TRUNCATE: Scenario = Scenario {
    name: "truncate",
    about: "Processes the request and stops in the middle of its response.",
    section: "RFC 9112 section 8",
    parameters: &[
        Parameter {
            name: "where",
            kind: Kind::Choice(&["status-line", "field-line", "head", "content", "chunk", "last-chunk", "trailers"]),
            default: "content",
            about: "in what; 'head' is before the empty line, 'last-chunk' before the last chunk",
        },
        AT,
        BY,
    ],
    plan: |x| {
        if !x.is_due() {
            return x.answered();
        }
        let place = x.values.choice("where");
        let chunked = matches!(place, "chunk" | "last-chunk" | "trailers");
        let answer = Answer::ok(x).framing(if chunked { Framing::Chunked } else { Framing::Length });
        // With the last chunk the content is complete (RFC 9112 section 8), the message is not.
        let wrong = if place == "trailers" { Wrong::Unclear } else { Wrong::Cut };
        vec![Step::ReadContent, Step::Process, Step::SendWrong(wrong, cut(&answer, place)), end(x.values.choice("by"))]
    },
};

/// The bytes up to the cut.
fn cut(answer: &Answer, place: &str) -> Vec<u8> {
    let (mut bytes, pieces) = (answer.head(), answer.pieces());
    match place {
        "status-line" => bytes.truncate(10),
        "field-line" => bytes.truncate(bytes.len() - 6),
        "head" => bytes.truncate(bytes.len() - 2),
        "content" => bytes.extend(pieces.iter().take(1).flatten()),
        "chunk" => {
            bytes.extend(pieces.iter().take(2).flatten());
            bytes.truncate(bytes.len() - 5);
        }
        "last-chunk" => bytes.extend(pieces.iter().take(2).flatten()),
        _ => {
            bytes.extend(pieces.iter().flatten());
            bytes.truncate(bytes.len() - 4);
        }
    }
    bytes
}
