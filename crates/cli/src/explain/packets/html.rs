//! A capture as one page: each connection a lane over time, each race magnified.

use std::fmt::Write;
use std::time::Duration;

use tenure_capture::{Capture, Exchange, How, Life, Outcome, Protocol, Relation, Who};

use super::super::text::{count, time};
use super::{Counts, words};
use crate::report::html::{self, Scale, escape};

/// Lanes that are drawn. Those with lost exchanges go first.
const LANES: usize = 300;
/// Races that are magnified.
const RACES: usize = 50;
/// Exchanges drawn in one lane.
const BARS: usize = 2_000;

/// The page. It needs nothing but itself.
pub(super) fn page(name: &str, capture: &Capture) -> String {
    let mut body = String::new();
    let counts = Counts::of(capture);
    let _ = write!(
        body,
        "<h1>{}</h1>\n<p class=quiet>{} over {}, {}</p>\n",
        escape(name),
        count(capture.packets, "packet"),
        time(capture.duration),
        count(capture.lives.len() as u64, "TCP connection")
    );
    for warning in words::warnings(capture) {
        let _ = writeln!(body, "<p class=warning>{}</p>", escape(&warning));
    }
    cards(&mut body, &counts);
    races(&mut body, capture);
    lanes(&mut body, capture);
    html::document(name, STYLE, &body)
}

fn cards(body: &mut String, counts: &Counts) {
    let numbers = [
        (counts.exchanges, "exchanges", ""),
        (counts.answered, "answered", "good"),
        (counts.races, "lost a race with a close", "bad"),
        (counts.not_processed, "lost, not processed", "bad"),
        (counts.lost - counts.not_processed, "lost, possibly processed", "bad"),
        (counts.open + counts.unseen, "open or unknown", "quiet"),
    ];
    html::cards(body, &numbers);
}

/// Each race for itself, on a scale on which its two packets can be told apart.
fn races(body: &mut String, capture: &Capture) {
    let all: Vec<_> = capture.lives.iter().flat_map(|life| life.races().map(move |(n, e)| (life, n, e))).collect();
    if all.is_empty() {
        return;
    }
    let _ = writeln!(body, "<h2>Races</h2>");
    for (life, number, exchange) in all.iter().take(RACES) {
        magnified(body, life, *number, exchange);
    }
    if all.len() > RACES {
        let _ = writeln!(body, "<p class=quiet>and {} more</p>", all.len() - RACES);
    }
}

fn magnified(body: &mut String, life: &Life, number: usize, exchange: &Exchange) {
    let Outcome::Lost { fate, race: Some(race), basis } = exchange.outcome else { return };
    let begun = exchange.request.begun.time;
    let gap = match race.relation {
        Relation::After(gap) | Relation::Crossed(gap) => gap,
    };
    let mut marks = vec![
        (race.at.time, "close", format!("server's {}", words::how(race.how))),
        (begun, "request", format!("request {number}")),
    ];
    let reset = life.close(Who::Server, How::Reset).filter(|close| close.at != race.at);
    if let Some(reset) = reset.filter(|reset| reset.at.time.saturating_sub(begun) < gap * 20 + Duration::from_millis(5))
    {
        marks.push((reset.at.time, "reset", "reset".to_owned()));
    }
    let first = marks.iter().map(|(at, ..)| *at).min().unwrap_or_default();
    let last = marks.iter().map(|(at, ..)| *at).max().unwrap_or_default();
    let pad = (last - first).max(Duration::from_micros(10)) / 6;
    let scale = Scale { from: first.saturating_sub(pad), to: last + pad };
    let _ = write!(
        body,
        "<figure class=race><figcaption><b>Connection {}: {}</b>: <em>{}</em>.<br><span class=quiet>{}.</span></figcaption>\n<div class=zoom>",
        life.number,
        escape(&words::race(number, &race, life.side.0)),
        words::processed(fate),
        escape(basis.text())
    );
    marks.sort_by_key(|(at, ..)| *at);
    for (row, (at, class, label)) in marks.iter().enumerate() {
        let left = scale.percent(*at);
        let side = if left > 55.0 { "left" } else { "right" };
        let _ = write!(
            body,
            "<i class=\"mark {class}\" style=\"left:{left:.3}%\"></i><span class=\"label {class} {side}\" style=\"left:{left:.3}%;top:{}em\">{label}, {} s</span>",
            row as f32 * 1.35 + 0.2,
            words::stamp(*at)
        );
    }
    let _ = writeln!(body, "</div></figure>");
}

fn lanes(body: &mut String, capture: &Capture) {
    let scale = Scale { from: Duration::ZERO, to: capture.duration.max(Duration::from_micros(1)) };
    body.push_str("<h2>Connections</h2>\n");
    let keys = [
        ("ok", "answered"),
        ("lost", "lost"),
        ("open", "open or unknown"),
        ("idle", "idle"),
        ("mark fin", "FIN"),
        ("mark reset", "reset"),
    ];
    html::legend(body, &keys);
    html::axis(body, scale, time);
    let mut lives: Vec<&Life> = capture.lives.iter().collect();
    lives.sort_by_key(|life| life.lost().next().is_none());
    for life in lives.iter().take(LANES) {
        lane(body, life, scale);
    }
    if lives.len() > LANES {
        let _ = writeln!(body, "<p class=quiet>{} more connections are not drawn.</p>", lives.len() - LANES);
    }
}

fn lane(body: &mut String, life: &Life, scale: Scale) {
    let lost = life.lost().count() as u64;
    let what = match life.protocol {
        Protocol::Http1 => count(life.exchanges.len() as u64, "exchange"),
        ref other => format!("{}, {}", words::protocol(other), count(life.turns.len() as u64, "turn")),
    };
    let bad = if lost > 0 { format!(", <em>{lost} lost</em>") } else { String::new() };
    let _ = write!(
        body,
        "<section class=connection>\n<p class=name><b>{}</b> {} → {}: {what}{bad}</p>\n<div class=lane>",
        life.number, life.client, life.server
    );
    let end = life.ending.map_or(life.last, |ending| ending.close.at);
    span(body, scale, "life", life.first.time, end.time, "");
    for (after, from, to) in life.idle() {
        let gap = to.time.saturating_sub(from.time);
        span(body, scale, "idle", from.time, to.time, &format!("idle for {} after exchange {after}", time(gap)));
    }
    for (i, exchange) in life.exchanges.iter().take(BARS).enumerate() {
        bar(body, scale, i + 1, exchange, life);
    }
    for turn in life.turns.iter().take(BARS) {
        span(body, scale, "turn", turn.time, turn.time, &format!("the client sends at {}", time(turn.time)));
    }
    for close in &life.closes {
        let class = if close.how == How::Fin { "mark fin" } else { "mark reset" };
        let title = format!("{} of the {} at {}", words::how(close.how), close.by.name(), time(close.at.time));
        span(body, scale, class, close.at.time, close.at.time, &title);
    }
    let _ = writeln!(body, "</div>");
    details(body, life);
    let _ = writeln!(body, "</section>");
}

fn bar(body: &mut String, scale: Scale, number: usize, exchange: &Exchange, life: &Life) {
    let until = exchange.response.map_or(exchange.request.latest, |response| response.message.latest);
    let class = match exchange.outcome {
        Outcome::Answered => "bar ok",
        Outcome::Lost { race: Some(_), .. } => "bar lost raced",
        Outcome::Lost { .. } => "bar lost",
        _ => "bar open",
    };
    let (until, title) = match words::outcome(number, exchange, life.side.0) {
        // So that the time it waited for nothing is seen.
        Some((text, _)) if matches!(exchange.outcome, Outcome::Lost { .. }) => {
            (life.ending.map_or(until.time, |ending| ending.close.at.time.max(until.time)), text)
        }
        Some((text, _)) => (until.time, text),
        None => (until.time, exchange.response.map_or_else(String::new, |response| response.status.to_string())),
    };
    let title = format!("{number}: {} {}: {title}", exchange.method, exchange.target);
    span(body, scale, class, exchange.request.begun.time, until, &title);
}

fn span(body: &mut String, scale: Scale, class: &str, from: Duration, to: Duration, title: &str) {
    let (left, right) = (scale.percent(from), scale.percent(to));
    let title = if title.is_empty() { String::new() } else { format!(" title=\"{}\"", escape(title)) };
    let _ = write!(
        body,
        "<i class=\"{class}\" style=\"left:{left:.3}%;width:{:.3}%\"{title}></i>",
        (right - left).max(0.0)
    );
}

/// What a finger cannot hover over.
fn details(body: &mut String, life: &Life) {
    let _ = write!(
        body,
        "<details><summary>{}</summary>\n<p class=quiet>{}</p>\n",
        summary(life),
        escape(&words::side(life.side))
    );
    if !life.exchanges.is_empty() {
        let _ = writeln!(body, "<div class=scroll><table><tr><th>at<th>request<th>status<th>took<th>outcome</tr>");
        for (i, exchange) in life.exchanges.iter().take(BARS).enumerate() {
            let begun = exchange.request.begun.time;
            let (status, took) = exchange.response.map_or_else(
                || ("none".to_owned(), String::new()),
                |response| (response.status.to_string(), time(response.message.latest.time.saturating_sub(begun))),
            );
            let outcome =
                words::outcome(i + 1, exchange, life.side.0).map_or_else(|| "answered".to_owned(), |(text, _)| text);
            let _ = writeln!(
                body,
                "<tr><td>{}<td>{} {}<td>{status}<td>{took}<td>{}</tr>",
                words::stamp(begun),
                escape(&exchange.method),
                escape(&shortened(&exchange.target)),
                escape(&outcome)
            );
        }
        let _ = writeln!(body, "</table></div>");
    }
    let _ = writeln!(body, "</details>");
}

fn summary(life: &Life) -> String {
    match &life.ending {
        Some(ending) => format!("{}, at {} s", escape(&words::ending(ending)), words::stamp(ending.close.at.time)),
        None => "still open when the capture ends".to_owned(),
    }
}

fn shortened(target: &str) -> String {
    match target.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", &target[..at]),
        None => target.to_owned(),
    }
}

const STYLE: &str = include_str!("page.css");
