//! A capture as text: each connection in the order of time.

use std::io;
use std::time::Duration;

use tenure_capture::{Capture, Exchange, How, Life, Moment, Outcome, Protocol, Who};
use tenure_proto::KeepAlive;

use super::super::page::{Page, Tone};
use super::super::text::{count, line, time};
use super::{Counts, words};

/// With more connections than this only those with findings are shown in full.
const SHOWN: usize = 20;
/// Of those, at most so many.
const SHOWN_FINDINGS: usize = 200;
/// A shorter wait between two exchanges is not worth a line.
const IDLE: Duration = Duration::from_millis(1);
/// A longer one is, also among exchanges that are not shown.
const LONG_IDLE: Duration = Duration::from_secs(1);
/// With more exchanges than this not all are shown.
const LONG: usize = 40;
/// Turns of a connection that cannot be read.
const TURNS: usize = 10;

pub(super) fn print(name: &str, capture: &Capture, page: &mut Page<'_>) -> io::Result<()> {
    let connections = count(capture.lives.len() as u64, "TCP connection");
    let packets = count(capture.packets, "packet");
    page.prose(
        Tone::Title,
        &format!("{name}: a packet capture, {packets} over {}, {connections}", time(capture.duration)),
    )?;
    page.prose(Tone::Quiet, "Times are seconds since its first packet.")?;
    for warning in words::warnings(capture) {
        page.prose(Tone::Hint, &warning)?;
    }
    let brief = capture.lives.len() > SHOWN;
    let (mut full, mut left) = (0, 0);
    for life in &capture.lives {
        let shown = if brief { life.lost().next().is_some() && full < SHOWN_FINDINGS } else { true };
        if shown {
            full += 1;
            connection(life, page)?;
        } else {
            left += 1;
        }
    }
    if left > 0 {
        page.blank()?;
        let what = if full > 0 { "other connections" } else { "connections" };
        page.prose(Tone::Plain, &format!("{left} {what} without a lost exchange are not shown; --json has all."))?;
    }
    sum_up(capture, page)
}

fn sum_up(capture: &Capture, page: &mut Page<'_>) -> io::Result<()> {
    let counts = Counts::of(capture);
    let mut text = format!("In all: {}, {} answered", count(counts.exchanges, "exchange"), counts.answered);
    for (n, what) in [(counts.open, "open at the end"), (counts.unseen, "unknown")] {
        if n > 0 {
            text += &format!(", {n} {what}");
        }
    }
    if counts.lost > 0 {
        let unknown = counts.lost - counts.not_processed;
        text += &format!(
            ", {} lost ({} in a race with a close): {} not processed, {unknown} possibly processed",
            counts.lost, counts.races, counts.not_processed
        );
    }
    page.blank()?;
    page.prose(if counts.lost > 0 { Tone::Bad } else { Tone::Plain }, &format!("{text}."))
}

/// One connection, its events in the order of time.
fn connection(life: &Life, page: &mut Page<'_>) -> io::Result<()> {
    let what = match life.protocol {
        Protocol::Http1 => count(life.exchanges.len() as u64, "exchange"),
        ref other => words::protocol(other).to_owned(),
    };
    page.title(&format!("=== connection {}: {} -> {}, {what}", life.number, life.client, life.server))?;
    page.note(Tone::Quiet, &words::side(life.side))?;
    let mut lines = Lines::default();
    opening(life, &mut lines);
    match life.protocol {
        Protocol::Http1 => exchanges(life, &mut lines),
        _ => turns(life, &mut lines),
    }
    closes(life, &mut lines);
    lines.print(page)?;
    for who in [Who::Client, Who::Server] {
        if let Some(text) = words::stop(who, life.stops[if who == Who::Client { 0 } else { 1 }], life) {
            page.note(Tone::Hint, &text)?;
        }
    }
    if life.ending.is_none() {
        page.note(Tone::Quiet, "still open when the capture ends")?;
    }
    Ok(())
}

/// What happened, not yet in the order of packets.
#[derive(Default)]
struct Lines(Vec<Line>);

struct Line {
    at: Moment,
    /// The line itself, then remarks.
    texts: Vec<(Tone, String)>,
}

impl Lines {
    fn add(&mut self, at: Moment, tone: Tone, text: String) {
        self.0.push(Line { at, texts: vec![(tone, text)] });
    }

    /// A remark on the line before.
    fn remark(&mut self, tone: Tone, text: String) {
        if let Some(line) = self.0.last_mut() {
            line.texts.push((tone, text));
        }
    }

    fn print(mut self, page: &mut Page<'_>) -> io::Result<()> {
        self.0.sort_by_key(|line| line.at.packet);
        for Line { at, texts } in self.0 {
            let mut texts = texts.into_iter();
            if let Some((tone, text)) = texts.next() {
                page.timed(&words::stamp(at.time), tone, &text)?;
            }
            texts.try_for_each(|(tone, text)| page.aside(tone, &text))?;
        }
        Ok(())
    }
}

fn opening(life: &Life, lines: &mut Lines) {
    let Some(opening) = life.opening else {
        return lines.add(life.first, Tone::Quiet, "seen first here: its begin is not in the capture".into());
    };
    let text = match opening.accepted {
        Some(accepted) => format!("opened, accepted after {}", time(accepted.time - opening.syn.time)),
        None if life.close(Who::Server, How::Reset).is_some() => "asked for, and refused".to_owned(),
        None => "asked for, and not accepted in the capture".to_owned(),
    };
    lines.add(opening.syn, Tone::Plain, text);
}

fn exchanges(life: &Life, lines: &mut Lines) {
    let shown = |i: usize| is_shown(life, i);
    for (after, from, to) in life.idle() {
        let idle = to.time.saturating_sub(from.time);
        if idle >= IDLE && after < life.exchanges.len() && (idle >= LONG_IDLE || shown(after)) {
            let text = if after == 0 { "waited" } else { "idle" };
            lines.add(from, Tone::Quiet, format!("{text} for {}", time(idle)));
        }
    }
    let mut announced = None;
    let mut skipped = 0;
    for (i, exchange) in life.exchanges.iter().enumerate() {
        if !shown(i) {
            skipped += 1;
            continue;
        }
        if skipped > 0 {
            let text = format!("{} more, all answered", count(std::mem::take(&mut skipped), "exchange"));
            lines.add(life.exchanges[i - 1].request.begun, Tone::Quiet, text);
        }
        one(life, i + 1, exchange, &mut announced, lines);
    }
    if let Some((at, status)) = life.unasked {
        let what = status.map_or_else(|| "bytes".to_owned(), |status| format!("a response, {status},"));
        lines.add(at, Tone::Hint, format!("the server sends {what} that nobody asked for"));
    }
}

/// In a long connection only its begin, its end and what went wrong.
fn is_shown(life: &Life, i: usize) -> bool {
    let exchanges = &life.exchanges;
    let answered = |exchange: &Exchange| matches!(exchange.outcome, Outcome::Answered);
    let near = &exchanges[i.saturating_sub(1)..exchanges.len().min(i + 2)];
    exchanges.len() <= LONG || i < LONG / 4 || i + LONG / 4 >= exchanges.len() || !near.iter().all(answered)
}

/// `announced`: what the response before announced, so that it is not told again.
fn one(life: &Life, number: usize, exchange: &Exchange, announced: &mut Option<KeepAlive>, lines: &mut Lines) {
    let (method, target) = (&exchange.method, line(exchange.target.as_bytes()));
    let begun = exchange.request.begun;
    let answer = match exchange.response {
        Some(response) => {
            let took = response.message.latest.time.saturating_sub(begun.time);
            let whole = if response.message.whole.is_some() { "" } else { ", not whole" };
            let news = response.keep_alive.filter(|now| Some(*now) != announced.replace(*now));
            format!("{} in {}{whole}{}", response.status, time(took), hint(news))
        }
        None => "no answer".to_owned(),
    };
    lines.add(begun, Tone::Plain, format!("{number} {method} {target} {answer}"));
    let Some((text, basis)) = words::outcome(number, exchange, life.side.0) else { return };
    let tone = if matches!(exchange.outcome, Outcome::Lost { .. }) { Tone::Bad } else { Tone::Hint };
    lines.remark(tone, text);
    if let Some(basis) = basis {
        lines.remark(Tone::Quiet, basis.text().to_owned());
    }
}

fn hint(keep_alive: Option<KeepAlive>) -> String {
    let Some(KeepAlive { timeout, max }) = keep_alive else { return String::new() };
    let parts = [timeout.map(|t| format!("timeout={t}")), max.map(|m| format!("max={m}"))];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!(", announces {}", parts.join(", ")) }
}

/// What cannot be read: when the client spoke.
fn turns(life: &Life, lines: &mut Lines) {
    for (i, turn) in life.turns.iter().take(TURNS).enumerate() {
        lines.add(*turn, Tone::Plain, format!("the client sends, turn {}", i + 1));
    }
    if let Some(more) = life.turns.get(TURNS) {
        lines.add(*more, Tone::Quiet, format!("{} more turns", life.turns.len() - TURNS));
    }
}

fn closes(life: &Life, lines: &mut Lines) {
    let first = life.ending.map(|ending| ending.close);
    for close in &life.closes {
        let (by, how) = (close.by.name(), if close.how == How::Fin { "closes its side (FIN)" } else { "resets (RST)" });
        let (tone, text) = match life.ending.filter(|_| first == Some(*close)) {
            Some(ending) => (Tone::Good, words::ending(&ending)),
            None => (Tone::Quiet, format!("the {by} {how}")),
        };
        lines.add(close.at, tone, text);
    }
}
