//! What the server says about itself: the list of scenarios, the report.

use serde::Serialize;

use crate::account::Report;
use crate::scenarios::ALL;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}\
    h2{margin-bottom:0;font-family:ui-monospace,monospace}p{margin:.2rem 0}table{border-collapse:collapse}\
    td{padding:.1rem 1rem .1rem 0;vertical-align:top}code{white-space:nowrap}small{opacity:.7}";

#[derive(Serialize)]
struct Entry {
    path: String,
    about: &'static str,
    section: &'static str,
    parameters: Vec<Described>,
}

#[derive(Serialize)]
struct Described {
    name: &'static str,
    default: &'static str,
    values: String,
    about: &'static str,
}

fn entries() -> Vec<Entry> {
    let describe = |p: &crate::Parameter| Described {
        name: p.name,
        default: p.default,
        values: p.kind.describe(),
        about: p.about,
    };
    let entry = |scenario: &&crate::Scenario| Entry {
        path: format!("/{}", scenario.name),
        about: scenario.about,
        section: scenario.section,
        parameters: scenario.parameters.iter().map(describe).collect(),
    };
    ALL.iter().map(entry).collect()
}

pub(crate) fn index_json() -> String {
    json(&entries())
}

pub(crate) fn report(report: &Report) -> String {
    json(report)
}

fn json(value: &impl Serialize) -> String {
    // Strings and numbers under string keys: there is nothing in it that JSON cannot say.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_else(|error| format!("\"{error}\""));
    text.push('\n');
    text
}

/// All texts here are this crate's own, and hold nothing that HTML would take for markup.
pub(crate) fn index_html() -> String {
    let mut page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>misbehave</title><style>{STYLE}</style><h1>misbehave</h1>\
         <p>A server that misbehaves as its requests ask. Choose by path and query, \
         for example <code>/idle-close?after=50ms&amp;by=reset</code>.</p>\
         <p>Send <code>X-Request-Id</code> to have a request recognised when it comes twice. \
         <a href=/report>What was seen so far</a>, and what is to be said about it. \
         <a href=/tour>A tour</a> through all scenarios, for drivers. This list as JSON: <code>Accept: application/json</code>.</p>\n"
    );
    for entry in entries() {
        page += &format!("<h2>{}</h2><p>{} <small>{}</small></p><table>\n", entry.path, entry.about, entry.section);
        for p in &entry.parameters {
            page += &format!("<tr><td><code>{}={}</code><td>{}<td>{}\n", p.name, p.default, p.about, p.values);
        }
        page += "</table>\n";
    }
    page
}

/// A whole response.
pub(crate) fn response(status: &str, kind: &str, text: &str, closes: bool) -> Vec<u8> {
    let close = if closes { "Connection: close\r\n" } else { "" };
    let length = text.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{close}\r\n{text}").into_bytes()
}
