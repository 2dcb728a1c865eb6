//! What the watched connections say together.

use std::time::Duration;

use super::Seen;
use crate::ending::{Ending, How};
use crate::finding::{Finding, Level, Value};
use crate::lab::Lab;

const SECTION: &str = "RFC 9112 section 9.5";
/// `Keep-Alive: timeout=` was never standardised beyond this.
const KEEP_ALIVE: &str = "RFC 2068 section 19.7.1.1";
/// Spreads below this are the network's and the two schedulers'.
const NOISE: Duration = Duration::from_millis(50);
/// What load balancers keep idle connections for by default.
const BALANCER: Duration = Duration::from_secs(60);

pub(super) fn findings(
    lab: &Lab,
    announced: Option<u64>,
    seen: &[Seen],
    bracket: Option<(Duration, Duration)>,
) -> Vec<Finding> {
    let mut closed: Vec<(Duration, &Ending)> = seen
        .iter()
        .filter_map(|seen| match seen {
            Seen::Closed { after, ending } => Some((*after, ending)),
            _ => None,
        })
        .collect();
    closed.sort_by_key(|(after, _)| *after);
    let mut findings = vec![timeout(lab, &closed, seen, bracket)];
    if let (Some((shortest, _)), Some((longest, _))) = (closed.first(), closed.last()) {
        findings.extend(spread(*longest - *shortest, closed.len()));
        findings.push(manner(closed[0].1, closed.len()));
        findings.push(promise(announced, *shortest));
    } else if let Some(seconds) = announced {
        let value = Value::Time { seconds: seconds as f64 };
        findings.push(
            Finding::certain("idle timeout announced", value, KEEP_ALIVE)
                .judged(Level::Note, "whether it is kept was not seen: no close came in the time waited"),
        );
    }
    findings
}

fn timeout(lab: &Lab, closed: &[(Duration, &Ending)], seen: &[Seen], bracket: Option<(Duration, Duration)>) -> Finding {
    let finding = |value| Finding::certain("idle timeout", value, SECTION);
    let times = u32::try_from(seen.len()).unwrap_or(u32::MAX);
    if let Some((kept, lost)) = bracket {
        let value = Value::Between { from_seconds: kept.as_secs_f64(), to_seconds: lost.as_secs_f64() };
        return finding(value).measured(times).judged(
            Level::Problem,
            "idle connections are dropped without a FIN, so clients wait in vain: close them sooner, or send TCP keep-alives",
        );
    }
    // The shortest is what a client can count on; a tick only adds to it.
    let Some((shortest, _)) = closed.first() else {
        let advice = "no close was seen: with a longer --max-wait one may be";
        let level = if lab.max_wait < BALANCER { Level::Note } else { Level::Good };
        return finding(Value::longer_than(lab.max_wait)).measured(times).judged(level, advice);
    };
    let finding = finding(Value::time(*shortest)).measured(u32::try_from(closed.len()).unwrap_or(u32::MAX));
    if closed.len() < seen.len() {
        let advice = "some connections were closed and others not: is there more than one server, or a lack of room?";
        return finding.judged(Level::Warning, advice);
    }
    if *shortest < BALANCER {
        let advice =
            "a load balancer in front has to let go sooner (60 s is its usual time), or its requests meet the close";
        return finding.judged(Level::Note, advice);
    }
    finding.judged(Level::Good, "longer than the 60 s after which load balancers let go by default")
}

/// Nothing to tell if all lasted the same.
fn spread(spread: Duration, n: usize) -> Option<Finding> {
    let n = u32::try_from(n).ok().filter(|n| *n > 1)?;
    if spread <= NOISE {
        return None;
    }
    // Of n times spread evenly over a tick, the outermost are (n-1)/(n+1) of it apart.
    let tick = spread * (n + 1) / (n - 1);
    let advice = format!("idle connections seem to be looked at only about every {:.1} s", tick.as_secs_f64());
    Some(Finding::certain("idle timeout varies by", Value::time(spread), SECTION).guessed().judged(Level::Note, advice))
}

fn manner(ending: &Ending, n: usize) -> Finding {
    let finding =
        Finding::certain("end of an idle connection", Value::text(ending.to_string()), "RFC 9112 section 9.6")
            .measured(u32::try_from(n).unwrap_or(u32::MAX));
    match (ending.status(), ending.how) {
        (Some(408), _) => Finding { section: "RFC 9110 section 15.5.9", ..finding }.judged(
            Level::Warning,
            "a 408 that crosses the next request is taken for its answer, which nobody sends again: close in silence",
        ),
        (Some(_), _) => {
            finding.judged(Level::Warning, "a response nobody asked for is taken for the next one's answer")
        }
        (None, _) if !ending.said.is_empty() => {
            finding.judged(Level::Problem, "bytes after a response are taken for the start of the next one")
        }
        (None, How::Fin) => finding.judged(Level::Good, "a client sees the close, and knows that nothing is lost"),
        (None, How::Truncated) => Finding { section: "RFC 8446 section 6.1", ..finding }
            .judged(Level::Note, "an end without close_notify looks like an attack to a strict client"),
        (None, How::Reset) => finding.judged(
            Level::Note,
            "a reset can destroy what the client has not read yet: close in order when idle connections end",
        ),
    }
}

/// What was announced, against what is kept.
fn promise(announced: Option<u64>, real: Duration) -> Finding {
    let Some(seconds) = announced else {
        return Finding::certain("idle timeout announced", Value::text("no"), KEEP_ALIVE).judged(
            Level::Note,
            "clients have to guess: announce it as Keep-Alive: timeout=, a second less than is kept",
        );
    };
    let finding = Finding::certain("idle timeout announced", Value::Time { seconds: seconds as f64 }, KEEP_ALIVE);
    let told = Duration::from_secs(seconds);
    if real + NOISE < told {
        let advice =
            "the connection is closed before the announced time, so that an obedient client's request meets the close";
        return finding.judged(Level::Problem, advice);
    }
    if real < told + Duration::from_millis(500) {
        let advice =
            "an obedient client may send until the very moment of the close: announce a second less than is kept";
        return finding.judged(Level::Warning, advice);
    }
    finding.judged(Level::Good, "less than what is kept, so that an obedient client never meets the close")
}
