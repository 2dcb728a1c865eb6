//! How TLS ends.

use crate::answer::{Answer, Framing};
use crate::parameter::{Kind, Parameter};
use crate::plan::{Step, Wrong};
use crate::scenario::{AT, Scenario};

pub(super) const TLS_CLOSE: Scenario = Scenario {
    name: "tls-close",
    about: "Closes after a response, over TLS with or without a closure alert (close_notify).",
    section: "RFC 9112 section 9.8",
    parameters: &[
        Parameter {
            name: "notify",
            kind: Kind::Choice(&["no", "yes"]),
            default: "no",
            about: "send the alert; without it nobody knows whether content that the close ends is complete",
        },
        Parameter {
            name: "framing",
            kind: Kind::Choice(&["length", "chunked", "close"]),
            default: "length",
            about: "what ends the content: its length, its last chunk, or the close",
        },
        Parameter { default: "1", ..AT },
    ],
    plan: |x| {
        if !x.is_due() {
            return x.answered();
        }
        let notify = x.values.yes("notify");
        let framing = match x.values.choice("framing") {
            "length" => Framing::Length,
            "chunked" => Framing::Chunked,
            _ => Framing::CloseDelimited,
        };
        let bytes = Answer::ok(x).framing(framing).bytes();
        // Without TLS a FIN is all there is, and enough.
        let is_cut = x.request.secure && !notify && framing == Framing::CloseDelimited;
        let send = if is_cut { Step::SendWrong(Wrong::Cut, bytes) } else { Step::Send(bytes) };
        vec![Step::ReadContent, Step::Process, send, if notify { Step::Close } else { Step::Sever }]
    },
};
