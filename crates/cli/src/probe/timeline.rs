//! What happened on the connections of one experiment, drawn over time: a row for each connection, as SVG whose widths
//! are in percent, so that it fits any screen and its lines stay as thick as they are.

use std::fmt::Write;
use std::time::Duration;

use tenure_probe::{Mark, Timeline, Track, What};

use crate::report::html::{self, Scale, escape};
use crate::report::units;

/// Height of a row, in pixels.
const ROW: usize = 22;
/// Rows of a connection's table.
const LINES: usize = 60;
/// Exchanges closer together than this, in percent of the width, are one bar.
const CLOSE: f64 = 0.25;

/// The classes of the drawing, and what they mean.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("ok", "answered"),
    ("open", "sent, not answered"),
    ("idle", "idle"),
    ("mark fin", "FIN of the server"),
    ("mark reset", "reset by the server"),
];

/// Draws it, and tells below what cannot be drawn.
pub(super) fn draw(body: &mut String, timeline: &Timeline) {
    if timeline.tracks.is_empty() {
        return;
    }
    // What was waited for before the first connection is of no interest.
    let moments = || timeline.tracks.iter().flat_map(|track| &track.marks).map(|mark| mark.at);
    let from = moments().min().unwrap_or(timeline.from);
    let to = moments().max().unwrap_or(timeline.to);
    let scale = Scale { from, to: to.max(from + Duration::from_micros(1)) };
    let height = timeline.tracks.len() * ROW;
    let summary = escape(&summary(timeline));
    let _ = writeln!(body, "<svg width=\"100%\" height={height} role=img aria-label=\"{summary}\">");
    for (row, track) in timeline.tracks.iter().enumerate() {
        let _ = writeln!(body, "<g transform=\"translate(0 {})\">", row * ROW);
        drawn(body, track, scale);
        body.push_str("</g>\n");
    }
    body.push_str("</svg>\n");
    html::axis(body, scale, |at| units::duration(at - scale.from));
    let _ = writeln!(body, "<details><summary>{summary}</summary>");
    for (track, number) in timeline.tracks.iter().zip(1..) {
        table(body, number, track, scale.from);
    }
    body.push_str("</details>\n");
}

/// `4 connections, 4 answers; the server ended 4`
fn summary(timeline: &Timeline) -> String {
    let count = |wanted: &dyn Fn(&What) -> bool| {
        timeline.tracks.iter().flat_map(|track| &track.marks).filter(|mark| wanted(&mark.what)).count() as u64
    };
    let connections = units::counted(timeline.tracks.len() as u64, "connection", "connections");
    let answers = count(&|what| matches!(what, What::Answered { .. }));
    let ended = match count(&is_end) {
        0 => "none ended by the server".to_owned(),
        n => format!("{n} ended by the server"),
    };
    format!("{connections}, {}; {ended}", units::counted(answers, "answer", "answers"))
}

const fn is_end(what: &What) -> bool {
    matches!(what, What::ServerFin | What::ServerTruncated | What::ServerReset)
}

/// A bar: something was under way.
struct Bar {
    from: Duration,
    to: Duration,
    class: &'static str,
    title: String,
    exchanges: u64,
}

/// One connection.
fn drawn(body: &mut String, track: &Track, scale: Scale) {
    let (Some(first), Some(last)) = (track.marks.first(), track.marks.last()) else { return };
    let end = track.marks.iter().find(|mark| is_end(&mark.what)).unwrap_or(last);
    rect(body, "life", scale, first.at, end.at, "");
    let mut since = first.at;
    let idle = |body: &mut String, since: Duration, until: Duration| {
        if until > since {
            rect(body, "idle", scale, since, until, &format!("idle for {}", units::duration(until - since)));
        }
    };
    for bar in merged(bars(track, end.at), scale) {
        idle(body, since, bar.from);
        since = since.max(bar.to);
        rect(body, bar.class, scale, bar.from, bar.to, &bar.title);
    }
    idle(body, since, end.at);
    if is_end(&end.what) {
        let class = if end.what == What::ServerReset { "reset" } else { "fin" };
        let x = scale.percent(end.at);
        let title = format!("{} at {}", words(&end.what), units::duration(end.at - scale.from));
        let _ = writeln!(
            body,
            "<line class={class} x1=\"{x:.3}%\" x2=\"{x:.3}%\" y1=2 y2={}><title>{title}</title></line>",
            ROW - 2
        );
    }
}

fn rect(body: &mut String, class: &str, scale: Scale, from: Duration, to: Duration, title: &str) {
    let (left, right) = (scale.percent(from), scale.percent(to));
    let (y, height) = match class {
        "life" => (ROW / 2 - 1, 2),
        "idle" => (6, ROW - 12),
        _ => (4, ROW - 8),
    };
    let _ = writeln!(
        body,
        "<rect class={class} x=\"{left:.3}%\" width=\"{:.3}%\" y={y} height={height}><title>{}</title></rect>",
        (right - left).max(0.0),
        escape(title)
    );
}

/// From each request to its answer, or to the end of the connection.
fn bars(track: &Track, end: Duration) -> Vec<Bar> {
    let mut bars = Vec::new();
    let mut asked: Option<(Duration, &str)> = None;
    let mut latest = (Duration::ZERO, "");
    for Mark { at, what } in &track.marks {
        let said = match what {
            What::Sent { line, .. } => {
                asked.get_or_insert((*at, line));
                continue;
            }
            What::Answered { status } => status.to_string(),
            What::Said { line } => line.clone(),
            _ => continue,
        };
        // Of several requests that left together each answer has its part of the time.
        let (from, line) = asked.take().unwrap_or(latest);
        latest = (*at, line);
        let title = format!("{line}: {said}, after {}", units::duration(*at - from));
        bars.push(Bar { from, to: *at, class: "ok", title, exchanges: 1 });
    }
    if let Some((from, line)) = asked {
        let title = format!("{line}: no answer in {}", units::duration(end.saturating_sub(from)));
        bars.push(Bar { from, to: end.max(from), class: "open", title, exchanges: 1 });
    }
    bars
}

/// Bars that nobody could tell apart become one.
fn merged(bars: Vec<Bar>, scale: Scale) -> Vec<Bar> {
    let mut merged: Vec<Bar> = Vec::new();
    for bar in bars {
        match merged.last_mut() {
            Some(last) if last.class == bar.class && scale.percent(bar.from) - scale.percent(last.to) < CLOSE => {
                last.to = bar.to;
                last.exchanges += 1;
                last.title = format!("{} exchanges within {}", last.exchanges, units::duration(last.to - last.from));
            }
            _ => merged.push(bar),
        }
    }
    merged
}

/// What a finger cannot hover over.
fn table(body: &mut String, number: usize, track: &Track, from: Duration) {
    let _ = writeln!(body, "<div class=scroll><table><tr><th>at<th>connection {number}</tr>");
    for mark in track.marks.iter().take(LINES) {
        let at = units::duration(mark.at.saturating_sub(from));
        let _ = writeln!(body, "<tr><td>{at}<td>{}</tr>", escape(&words(&mark.what)));
    }
    let more = track.marks.len().saturating_sub(LINES);
    if let Some(last) = track.marks.last().filter(|_| more > 0) {
        let at = units::duration(last.at.saturating_sub(from));
        let _ = writeln!(body, "<tr><td>{at}<td>{} more, the last one: {}</tr>", more, escape(&words(&last.what)));
    }
    body.push_str("</table></div>\n");
}

fn words(what: &What) -> String {
    match what {
        What::Opened => "opened".to_owned(),
        What::Sent { line, bytes } => format!("{line} ({})", units::bytes(*bytes as u64)),
        What::Interim { status } => format!("{status}, interim"),
        What::Answered { status } => format!("{status}"),
        What::Said { line } => format!("the server says: {line}"),
        What::ServerFin => "the server closes (FIN)".to_owned(),
        What::ServerTruncated => "the server closes (FIN, without close_notify)".to_owned(),
        What::ServerReset => "the server resets".to_owned(),
        What::Left => "done with it".to_owned(),
    }
}
