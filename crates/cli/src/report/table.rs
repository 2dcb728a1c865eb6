//! The report for people.

use std::time::Duration;

use super::columns::{Align, columns};
use super::item::Failure;
use super::out::Paint;
use super::summary::{Group, Summary};
use super::units;

/// More connections than this are shown in groups.
const SHOWN_CONNECTIONS: usize = 8;
/// More failures than this are only counted.
const SHOWN_FAILURES: usize = 20;
/// The number of connections the estimate is for.
const ESTIMATED: usize = 8;

/// What the words are: `stored` for `send`, `fetched` for `get`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Words {
    pub(crate) done: &'static str,
}

/// The whole report.
pub(crate) fn report(summary: &Summary, words: Words, paint: Paint) -> String {
    let mut text = failures(summary, paint);
    text.push_str(&format!("\n{}\n", headline(summary, words, paint)));
    if !summary.connections.is_empty() {
        text.push_str(&format!("\n{}\n{}", connections(summary, paint), facts(summary, paint)));
    }
    text
}

fn headline(summary: &Summary, words: Words, paint: Paint) -> String {
    let opened = summary.connections.len() as u64;
    let mut line = format!("{} {}", units::counted(summary.done, "file", "files"), words.done);
    if opened > 0 {
        line.push_str(&format!(" over {}", units::counted(opened, "connection", "connections")));
    }
    let mut text = paint.bold(&line);
    let failed = format!("{} failed", units::count(summary.failures.len() as u64));
    text.push_str(&format!(
        ", {}",
        if summary.failures.is_empty() { paint.green(&failed) } else { paint.red(&failed) }
    ));
    if summary.earlier > 0 {
        text.push_str(&format!(", {} skipped ({} earlier)", units::count(summary.earlier), words.done));
    }
    if summary.untried > 0 {
        text.push_str(&format!(", {} not begun", units::count(summary.untried)));
    }
    text.push_str(&format!(": {} in {}", units::bytes(summary.bytes), units::duration(summary.elapsed)));
    if let Some(rate) = units::rate(summary.bytes, summary.elapsed) {
        text.push_str(&format!(" ({rate})"));
    }
    text
}

fn connections(summary: &Summary, paint: Paint) -> String {
    use Align::{Left, Right};
    let rows: Vec<Vec<String>>;
    let heads: &[(&str, Align)];
    if summary.connections.len() <= SHOWN_CONNECTIONS {
        heads = &[
            ("connection", Right),
            ("requests", Right),
            ("sent", Right),
            ("received", Right),
            ("open for", Right),
            ("why it ended", Left),
        ];
        rows = summary
            .connections
            .iter()
            .map(|life| {
                let why = life.why.map_or("still open", |why| why.text());
                let numbers = [units::count(life.id), units::count(life.requests)];
                row(numbers, life.sent, life.received, life.open, why)
            })
            .collect();
    } else {
        heads = &[
            ("connections", Right),
            ("requests each", Right),
            ("sent", Right),
            ("received", Right),
            ("open on average", Right),
            ("why they ended", Left),
        ];
        let groups = summary.groups();
        let (shown, rest) = groups.split_at(groups.len().min(SHOWN_CONNECTIONS));
        rows = shown.iter().map(group_row).chain(rest_row(rest)).collect();
    }
    columns(heads, &rows, paint)
}

fn group_row(group: &Group) -> Vec<String> {
    let numbers = [units::count(group.connections), units::count(group.requests)];
    let average = group.open / u32::try_from(group.connections).unwrap_or(u32::MAX);
    row(numbers, group.sent, group.received, average, group.why)
}

/// All other groups in one row.
fn rest_row(rest: &[Group]) -> Option<Vec<String>> {
    let connections: u64 = rest.iter().map(|group| group.connections).sum();
    let (sent, received) = (rest.iter().map(|g| g.sent).sum(), rest.iter().map(|g| g.received).sum());
    let open: Duration = rest.iter().map(|group| group.open).sum();
    let average = open / u32::try_from(connections.max(1)).unwrap_or(u32::MAX);
    let fewest = rest.iter().map(|group| group.requests).min()?;
    let most = rest.iter().map(|group| group.requests).max()?;
    let each = if fewest == most { units::count(most) } else { format!("{fewest} to {most}") };
    Some(row([units::count(connections), each], sent, received, average, "various (--json lists them)"))
}

fn row(numbers: [String; 2], sent: u64, received: u64, open: Duration, why: &str) -> Vec<String> {
    let [first, second] = numbers;
    vec![first, second, units::bytes(sent), units::bytes(received), units::duration(open), why.to_owned()]
}

fn facts(summary: &Summary, paint: Paint) -> String {
    let mut facts: Vec<(&str, String)> = Vec::new();
    let saved = summary.handshakes_saved();
    if let Some(handshake) = summary.handshake() {
        let kind = if summary.secure { "TCP and TLS" } else { "TCP" };
        let gain = handshake.saturating_mul(u32::try_from(saved).unwrap_or(u32::MAX));
        let mut text =
            format!("{}, {kind}; making a connection took {}", units::count(saved), units::duration(handshake));
        if saved > 0 {
            text.push_str(&format!(", so about {} saved", units::duration(gain)));
        }
        facts.push(("handshakes saved", text));
    }
    if let Some(round_trip) = summary.round_trip() {
        facts.push(("round trip", format!("{}, as the kernel measured it", units::duration(round_trip))));
    }
    if summary.requests() > 0 {
        let each = summary.waited / u32::try_from(summary.requests()).unwrap_or(u32::MAX);
        let waited = units::duration(summary.waited);
        facts.push(("waiting for answers", format!("{waited} in all, {} each", units::duration(each))));
    }
    if summary.pipelined > 0 {
        let (pipelined, requests) =
            (units::count(summary.pipelined), units::counted(summary.requests(), "request", "requests"));
        let held_up = units::duration(summary.held_up);
        let deepest = summary.deepest;
        facts.push((
            "pipelined",
            format!(
                "{pipelined} of {requests}, up to {deepest} outstanding; held up by those before for {held_up} at most"
            ),
        ));
    } else if let Some(estimate) = summary.estimate(ESTIMATED) {
        let text = format!("roughly {}, if only these waits overlapped", units::duration(estimate));
        facts.push(("--connections 8", text));
    }
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    facts.iter().map(|(name, text)| format!("  {}  {text}\n", paint.bold(&format!("{name:<width$}")))).collect()
}

fn failures(summary: &Summary, paint: Paint) -> String {
    let mut text = String::new();
    for (name, Failure { what, advice, .. }) in summary.failures.iter().take(SHOWN_FAILURES) {
        text.push_str(&format!("{} {}\n    {}\n", paint.red("failed:"), units::plain(name), units::plain(what)));
        if let Some(advice) = advice {
            text.push_str(&format!("    {}\n", paint.dim(&format!("what to do: {}", units::plain(advice)))));
        }
    }
    if let Some(more) = summary.failures.len().checked_sub(SHOWN_FAILURES).filter(|&more| more > 0) {
        text.push_str(&format!("and {} more failed; --json lists all\n", units::count(more as u64)));
    }
    text
}

/// Two runs of the same work side by side: over persistent connections, and with one for each file.
pub(crate) fn comparison(persistent: &Summary, each: &Summary, paint: Paint) -> String {
    let mut text = side_by_side("files stored", ("persistent", persistent), ("one for each file", each), paint);
    let (fast, slow) = (persistent.elapsed.as_secs_f64(), each.elapsed.as_secs_f64());
    if fast > 0.0 && slow > 0.0 {
        let told = if slow >= fast {
            format!("A connection for each file took {:.1} times as long.", slow / fast)
        } else {
            format!("A connection for each file took {:.0} % of the time.", 100.0 * slow / fast)
        };
        text.push_str(&format!(
            "\n{told} On loopback a round trip costs next to nothing; over a network it does not.\n"
        ));
    }
    text
}

/// A page over one connection to each server, and over six.
pub(crate) fn page_comparison(one: &Summary, six: &Summary, paint: Paint) -> String {
    side_by_side("files fetched", ("1 connection", one), ("6 connections", six), paint)
}

fn side_by_side(done: &str, left: (&str, &Summary), right: (&str, &Summary), paint: Paint) -> String {
    let row = |name: &str, of: &dyn Fn(&Summary) -> String| vec![name.to_owned(), of(left.1), of(right.1)];
    let wire = |run: &Summary| run.connections.iter().map(|life| life.sent + life.received).sum();
    let connecting = |run: &Summary| run.connections.iter().map(|life| life.took).sum();
    let rows = [
        row(done, &|run| units::count(run.done)),
        row("failed", &|run| units::count(run.failures.len() as u64)),
        row("connections opened", &|run| units::count(run.connections.len() as u64)),
        row("time", &|run| units::duration(run.elapsed)),
        row("of it, making connections", &|run| units::duration(connecting(run))),
        row("bytes of HTTP, both ways", &|run| units::bytes(wire(run))),
    ];
    let heads = [("", Align::Left), (left.0, Align::Right), (right.0, Align::Right)];
    format!("\n{}", columns(&heads, &rows, paint))
}

#[cfg(test)]
mod tests {
    use tenure::CloseReason;

    use super::super::summary::tests::life;
    use super::*;

    const STORED: Words = Words { done: "stored" };

    fn run(connections: u64, requests: u64, why: CloseReason) -> Summary {
        Summary {
            done: connections * requests,
            bytes: 5_000_000,
            elapsed: Duration::from_secs(2),
            waited: Duration::from_secs(1),
            at_once: 1,
            connections: (1..=connections).map(|id| life(id, requests, why)).collect(),
            ..Summary::default()
        }
    }

    #[test]
    fn one_connection() {
        let text = report(&run(1, 1_234, CloseReason::LastMessage), STORED, Paint::NONE);
        let expected = "
1,234 files stored over 1 connection, 0 failed: 5.0 MB in 2.00 s (2.5 MB/s)

  connection  requests    sent  received  open for  why it ended
  ──────────  ────────  ──────  ────────  ────────  ─────────────────────────────────
           1     1,234  1.0 kB     100 B   10.0 ms  we said close on our last message

  handshakes saved     1,233, TCP; making a connection took 2.0 ms, so about 2.47 s saved
  round trip           1.0 ms, as the kernel measured it
  waiting for answers  1.00 s in all, 0.81 ms each
  --connections 8      roughly 1.12 s, if only these waits overlapped
";
        assert_eq!(text, expected);
    }

    #[test]
    fn many_connections_are_grouped() {
        let mut run = run(2_000, 3, CloseReason::CloseOption);
        run.connections.push(life(2_001, 1, CloseReason::LastMessage));
        let text = report(&run, STORED, Paint::NONE);
        assert!(text.contains("6,000 files stored over 2,001 connections"), "{text}");
        assert!(text.contains("2,000              3  2.0 MB"), "{text}");
        assert!(text.contains("the peer said close\n"), "{text}");
        assert!(text.lines().count() < 14, "{text}");
    }

    #[test]
    fn more_groups_than_fit_are_put_together() {
        let mut run = run(0, 0, CloseReason::CloseOption);
        run.connections = (1..=30).map(|id| life(id, id, CloseReason::PeerFin)).collect();
        let text = report(&run, STORED, Paint::NONE);
        assert!(text.contains("9 to 30"), "{text}");
        assert!(text.contains("         22"), "{text}");
    }

    #[test]
    fn failures_say_what_to_do_and_are_not_endless() {
        let failure = Failure::new("413 Content Too Large\x1b[2J").advice("split it");
        let failures = (0..25).map(|i| (format!("f{i}"), failure.clone())).collect();
        let run = Summary { failures, untried: 7, earlier: 3, ..Summary::default() };
        let text = report(&run, STORED, Paint::NONE);
        assert!(
            text.starts_with("failed: f0\n    413 Content Too Large\\u{1b}[2J\n    what to do: split it\n"),
            "{text}"
        );
        assert!(text.contains("f19") && !text.contains("f20"), "{text}");
        assert!(text.contains("and 5 more failed; --json lists all\n"), "{text}");
        assert!(text.contains("0 files stored, 25 failed, 3 skipped (stored earlier), 7 not begun: 0 B"), "{text}");
        assert!(!text.contains("connection  "), "no table without a connection: {text}");
    }

    #[test]
    fn a_comparison_says_which_was_quicker() {
        let slow = Summary { elapsed: Duration::from_secs(5), ..run(100, 1, CloseReason::LastMessage) };
        let text = comparison(&run(1, 100, CloseReason::LastMessage), &slow, Paint::NONE);
        assert!(text.contains("connections opened"), "{text}");
        assert!(text.contains("took 2.5 times as long."), "{text}");
        let text = comparison(&slow, &run(1, 100, CloseReason::LastMessage), Paint::NONE);
        assert!(text.contains("took 40 % of the time."), "{text}");
    }
}
