//! A whole message on the page: its lines, its content in short, its end and what may follow.

use std::io;

use tenure_proto::{CloseReason, Directive, Framing, FramingRule, Persistence};

use super::conversation::{Asked, Form, Way};
use super::message::{Chunk, Chunks, Message};
use super::page::{Page, Tone};
use super::text::{self, count};
use super::verdict;

/// What is known of a response besides its bytes.
pub(super) struct Answer<'a> {
    pub(super) number: u64,
    pub(super) asked: Option<&'a Asked>,
    /// After this response.
    pub(super) directive: Directive,
    /// The number of the next request that waits.
    pub(super) next_asked: Option<u64>,
    /// The request it answers was still being sent.
    pub(super) early: bool,
}

/// A request, after which the connection is in the state `after`.
pub(super) fn request(
    page: &mut Page<'_>,
    form: Form,
    message: &Message,
    number: u64,
    after: Persistence,
) -> io::Result<()> {
    if message.head_shown {
        let span = span(form, Way::Requests, message.content.at, message.end);
        page.title(&format!("{}request {number} goes on: {span}", arrow(form, Way::Requests)))?;
    } else {
        page.title(&title(form, Way::Requests, &format!("request {number}"), message))?;
    }
    body(page, message)?;
    ends(page, message, &verdict::end(message))?;
    if let Some(remark) = verdict::expectation(message).filter(|_| !message.head_shown) {
        page.note(Tone::Plain, &remark)?;
    }
    page.note(tone(after), &format!("next: {}", verdict::after_request(message, after)))
}

/// The head of a request before whose end the server sends something.
pub(super) fn request_begins(page: &mut Page<'_>, form: Form, message: &mut Message, number: u64) -> io::Result<()> {
    let span = span(form, Way::Requests, message.start, message.head_end);
    page.title(&format!("{}request {number} begins: {span}", arrow(form, Way::Requests)))?;
    head(page, message)?;
    message.head_shown = true;
    match verdict::expectation(message) {
        Some(remark) => page.note(Tone::Plain, &remark),
        None => Ok(()),
    }
}

/// A final response.
pub(super) fn response(page: &mut Page<'_>, form: Form, message: &Message, answer: &Answer<'_>) -> io::Result<()> {
    let name = format!("response {}{}", answer.number, to_whom(answer.asked));
    page.title(&title(form, Way::Responses, &name, message))?;
    body(page, message)?;
    ends(page, message, &verdict::end(message))?;
    if message.head.rule == FramingRule::CodingOverLength
        && let Some(length) = message.lines.content_length
    {
        let end = message.head_end.saturating_add(length);
        page.note(Tone::Bad, &format!("by its Content-Length it would end at byte {end}: a program that goes by that sees another message (RFC 9112 section 6.1)"))?;
    }
    if answer.early {
        page.note(Tone::Hint, "early: its request was still being sent")?;
    }
    let after = answer.directive.reason().map_or(Persistence::Persist, Persistence::Close);
    page.note(tone(after), &format!("next: {}", verdict::after_response(message, answer)))
}

/// An interim (1xx) response.
pub(super) fn interim(page: &mut Page<'_>, form: Form, message: &Message, asked: Option<&Asked>) -> io::Result<()> {
    page.title(&title(form, Way::Responses, &format!("interim response{}", to_whom(asked)), message))?;
    body(page, message)?;
    ends(page, message, &verdict::end(message))?;
    page.note(Tone::Good, &format!("next: {}", verdict::after_interim(message)))
}

/// A request whose content was not sent because the final response came first.
pub(super) fn refused(page: &mut Page<'_>, form: Form, message: &Message, number: u64) -> io::Result<()> {
    page.title(&title(form, Way::Requests, &format!("request {number}"), message))?;
    body(page, message)?;
    page.remark(
        message.end,
        Tone::Hint,
        "no content: the client waited for 100 (Continue), and the final response came instead \
         (RFC 9110 section 10.1.1)",
    )?;
    page.note(Tone::Bad, "next: the connection closes: the client may still send this content or not, so nobody can tell where a next request would start")
}

/// Empty lines between messages.
pub(super) fn empty_lines(page: &mut Page<'_>, bytes: usize) -> io::Result<()> {
    let lines = count(bytes as u64 / 2, "empty line");
    page.blank()?;
    page.prose(Tone::Quiet, &format!("{lines} between messages, ignored by a server (RFC 9112 section 2.2)"))
}

/// `request 1: bytes 0 to 228`, for a log with direction and time.
fn title(form: Form, way: Way, name: &str, message: &Message) -> String {
    let span = span(form, way, message.start, message.end);
    format!("{}{name}: {span}{}", arrow(form, way), when(message))
}

fn span(form: Form, way: Way, start: u64, end: u64) -> String {
    let whose = match (form, way) {
        (Form::Capture, _) => "",
        (Form::Log, Way::Requests) => " from the client",
        (Form::Log, Way::Responses) => " from the server",
    };
    format!("bytes {start} to {end}{whose}")
}

/// The direction, where titles do not tell it by themselves.
pub(super) const fn arrow(form: Form, way: Way) -> &'static str {
    match (form, way) {
        (Form::Capture, _) => "",
        (Form::Log, Way::Requests) => "> ",
        (Form::Log, Way::Responses) => "< ",
    }
}

fn when(message: &Message) -> String {
    match message.times.map(|(first, last)| (text::time(first), text::time(last))) {
        Some((first, last)) if first == last => format!(", at {first}"),
        Some((first, last)) => format!(", {first} to {last}"),
        None => String::new(),
    }
}

/// ` to request 1 (GET /)`.
pub(super) fn to_whom(asked: Option<&Asked>) -> String {
    match asked {
        Some(Asked { number: Some(number), method, target, .. }) => {
            format!(" to request {number} ({method} {})", text::line(target.as_bytes()))
        }
        Some(Asked { method, .. }) => format!(" to {method} (assumed)"),
        None => String::new(),
    }
}

fn head(page: &mut Page<'_>, message: &Message) -> io::Result<()> {
    let lines = &message.lines;
    for (i, line) in lines.shown.iter().enumerate() {
        page.at(line.at, if i == 0 { Tone::Title } else { Tone::Plain }, &line.text)?;
    }
    let Some(at) = lines.empty else { return Ok(()) };
    let others = match lines.others {
        0 => String::new(),
        n => format!("; {} not shown", count(n, "other field")),
    };
    page.at(at, Tone::Quiet, &format!("(empty line: the head ends{others})"))
}

/// Everything but the end: also of a message that was cut off.
pub(super) fn body(page: &mut Page<'_>, message: &Message) -> io::Result<()> {
    if !message.head_shown {
        head(page, message)?;
    }
    let content = &message.content;
    if message.head.framing == Framing::Chunked {
        chunks(page, &content.chunks)?;
    } else if content.len > 0 {
        let (length, preview) = (count(content.len, "byte"), text::preview(&content.beginning));
        page.at(content.at, Tone::Plain, &format!("content, {length}: {preview}"))?;
    }
    message.trailers.iter().try_for_each(|line| page.at(line.at, Tone::Plain, &format!("trailer {}", line.text)))
}

fn chunks(page: &mut Page<'_>, chunks: &Chunks) -> io::Result<()> {
    for chunk in &chunks.shown {
        let preview = text::preview(&chunk.beginning);
        page.at(
            chunk.at,
            Tone::Plain,
            &format!("chunk of {}: {preview}{}", count(chunk.size, "byte"), extensions(chunk)),
        )?;
    }
    let more = chunks.count - chunks.shown.len() as u64;
    if more > 0 {
        page.indented(Tone::Quiet, &format!("... {}", count(more, "more chunk")))?;
    }
    match &chunks.last {
        Some(last) => page.at(last.at, Tone::Plain, &format!("last chunk (size 0){}", extensions(last))),
        None => Ok(()),
    }
}

fn extensions(chunk: &Chunk) -> String {
    if chunk.extensions.is_empty() { String::new() } else { format!(" (extension {})", chunk.extensions) }
}

fn ends(page: &mut Page<'_>, message: &Message, because: &str) -> io::Result<()> {
    let rule = message.head.rule.number();
    page.remark(message.end, Tone::Good, &format!("ends here: {because} (RFC 9112 section 6.3 rule {rule})"))
}

const fn tone(after: Persistence) -> Tone {
    match after {
        Persistence::Persist => Tone::Good,
        Persistence::Close(CloseReason::FaultyFraming | CloseReason::UnreadContent) => Tone::Bad,
        Persistence::Close(_) => Tone::Hint,
    }
}
