//! Events as lines of text, in the format of the conformance cases.

use std::fmt::Write;

use tenure_proto::{
    Client, Event, Expectation, Fields, Framing, FramingRule, KeepAlive, RequestHead, ResponseHead, Role, Server,
};

use crate::text::escape;

/// How a role's heads read as text.
pub trait Side: Role {
    /// A request's head, or a final response's: its line, then its field lines.
    fn head(head: &Self::Head<'_>) -> Vec<String>;
    /// An interim response's head: its line, then its field lines.
    fn interim(head: &Self::Interim<'_>) -> Vec<String>;
}

impl Side for Server {
    fn head(head: &Self::Head<'_>) -> Vec<String> {
        with_fields(request(head), "field", head.fields)
    }

    fn interim(head: &Self::Interim<'_>) -> Vec<String> {
        match *head {}
    }
}

impl Side for Client {
    fn head(head: &Self::Head<'_>) -> Vec<String> {
        with_fields(format!("head {}", response(head)), "field", head.fields)
    }

    fn interim(head: &Self::Interim<'_>) -> Vec<String> {
        with_fields(format!("interim {}", response(head)), "field", head.fields)
    }
}

fn with_fields(line: String, label: &str, fields: Fields<'_>) -> Vec<String> {
    let mut lines = vec![line];
    for field in fields {
        let line = format!("{label} {}: {}", escape(field.name), escape(&field.value));
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// What a connection did, one event a line. Neighbouring pieces of content are one event.
#[derive(Debug, Default)]
pub(crate) struct Log {
    lines: Vec<String>,
    content: Vec<u8>,
}

impl Log {
    pub(crate) fn push(&mut self, line: impl Into<String>) {
        self.flush();
        self.lines.push(line.into());
    }

    /// Writes an event down. `NeedInput`, `Paused`, `HandOver` and `Closed` are no events of a message.
    pub(crate) fn note<R: Side>(&mut self, event: &Event<'_, R>) {
        match event {
            Event::Head(head) => self.extend(R::head(head)),
            Event::Interim(head) => self.extend(R::interim(head)),
            Event::Content([]) => self.push("defect: an empty piece of content"),
            Event::Content(piece) => self.content.extend_from_slice(piece),
            Event::End(trailers) => {
                let mut lines = with_fields("end".to_owned(), "trailer", *trailers);
                lines.rotate_left(1);
                self.extend(lines);
            }
            Event::NeedInput | Event::Paused | Event::HandOver | Event::Closed => {}
        }
    }

    fn extend(&mut self, lines: Vec<String>) {
        self.flush();
        self.lines.extend(lines);
    }

    pub(crate) fn into_lines(mut self) -> Vec<String> {
        self.flush();
        self.lines
    }

    fn flush(&mut self) {
        if !self.content.is_empty() {
            let quoted = escape(&self.content).replace('"', "\\\"");
            self.lines.push(format!("content \"{quoted}\""));
            self.content.clear();
        }
    }
}

/// `head GET / HTTP/1.1, no content (rule 7)` and what else the core understood of it.
fn request(head: &RequestHead<'_>) -> String {
    let (method, target) = (escape(head.method), escape(head.target));
    let mut line = format!("head {method} {target} {}, {}", head.version, framing(head.framing, head.rule));
    line.push_str(match head.expectation {
        Expectation::None => "",
        Expectation::Continue => ", expects 100-continue",
        Expectation::Unknown => ", expects something unknown",
    });
    if head.upgrade {
        line.push_str(", upgrade");
    }
    line + &hint(head.keep_alive)
}

/// `HTTP/1.1 200 OK, length 5 (rule 6)` and what else the core understood of it.
fn response(head: &ResponseHead<'_>) -> String {
    let status = format!("{} {} {}", head.version, head.status.as_u16(), escape(head.reason));
    let mut line = format!("{}, {}", status.trim_end(), framing(head.framing, head.rule));
    if head.coded {
        line.push_str(", coded");
    }
    line + &hint(head.keep_alive)
}

fn framing(framing: Framing, rule: FramingRule) -> String {
    let text = match (framing, rule) {
        (Framing::Length(0), FramingRule::NoContent | FramingRule::RequestWithoutLength) => "no content".to_owned(),
        (Framing::Length(0), FramingRule::Tunnel) => "tunnel".to_owned(),
        (Framing::Length(n), _) => format!("length {n}"),
        (Framing::Chunked, _) => "chunked".to_owned(),
        (Framing::CloseDelimited, _) => "until close".to_owned(),
    };
    format!("{text} (rule {})", rule.number())
}

fn hint(hint: Option<KeepAlive>) -> String {
    let Some(hint) = hint else { return String::new() };
    let mut text = ", keep-alive".to_owned();
    for (name, value) in [("timeout", hint.timeout), ("max", hint.max)] {
        if let Some(value) = value {
            let _ = write!(text, " {name}={value}");
        }
    }
    text
}
