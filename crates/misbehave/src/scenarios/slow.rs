//! Answers that are right, and come in pieces.

use std::time::Duration;

use crate::answer::{Answer, Framing};
use crate::parameter::{Kind, Parameter};
use crate::plan::Step;
use crate::scenario::{AT, Exchange, Scenario};

const FIRST: Parameter = Parameter { default: "1", ..AT };
const GAP: Parameter =
    Parameter { name: "gap", kind: Kind::Duration, default: "10ms", about: "how long between two pieces" };
const SIZE: Parameter =
    Parameter { name: "size", kind: Kind::Number(65_536), default: "8", about: "how many bytes a piece has" };
const CHUNKED: Parameter = Parameter {
    name: "chunked",
    kind: Kind::Choice(&["no", "yes"]),
    default: "no",
    about: "delimit the content by chunks instead of a length",
};

pub(super) const SLOW_HEAD: Scenario = Scenario {
    name: "slow-head",
    about: "Answers well, with a head that comes slowly.",
    section: "RFC 9112 section 9.5",
    parameters: &[GAP, SIZE, FIRST],
    plan: |x| in_pieces(x, true, false),
};

pub(super) const SLOW_BODY: Scenario = Scenario {
    name: "slow-body",
    about: "Answers well, with content that comes slowly.",
    section: "RFC 9112 section 9.5",
    parameters: &[GAP, SIZE, CHUNKED, FIRST],
    plan: |x| in_pieces(x, false, true),
};

pub(super) const PIECES: Scenario = Scenario {
    name: "pieces",
    about: "Answers well, each byte in a write of its own.",
    section: "RFC 9112 section 2.2",
    parameters: &[
        Parameter { default: "0ms", ..GAP },
        Parameter { default: "1", ..SIZE },
        Parameter { default: "yes", ..CHUNKED },
        FIRST,
    ],
    plan: |x| in_pieces(x, true, true),
};

fn in_pieces(x: &Exchange<'_>, head: bool, content: bool) -> Vec<Step> {
    if !x.is_due() {
        return x.answered();
    }
    let chunked = x.values.has(CHUNKED.name) && x.values.yes(CHUNKED.name);
    let answer = Answer::ok(x).framing(if chunked { Framing::Chunked } else { Framing::Length });
    let size = usize::try_from(x.values.number(SIZE.name)).unwrap_or(1).max(1);
    let gap = x.values.duration(GAP.name);
    let mut steps = vec![Step::ReadContent, Step::Process];
    for (bytes, is_slow) in [(answer.head(), head), (answer.pieces().concat(), content)] {
        steps.extend(pieces(&bytes, if is_slow { size } else { bytes.len().max(1) }, gap));
    }
    steps.extend(x.end());
    steps
}

fn pieces(bytes: &[u8], size: usize, gap: Duration) -> impl Iterator<Item = Step> {
    let pause = (!gap.is_zero()).then_some(Step::Pause(gap));
    bytes.chunks(size).flat_map(move |piece| [Some(Step::Send(piece.to_vec())), pause.clone()]).flatten()
}
