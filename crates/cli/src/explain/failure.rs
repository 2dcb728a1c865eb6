//! What is wrong with a message: where, by which section, what a server answers, the bytes there.

use std::io;

use tenure_proto::{ErrorKind, Framing};

use super::capture;
use super::conversation::{Asked, Form, Seen, Way};
use super::half::Failure;
use super::message::{HeadLines, Message};
use super::page::{Page, Tone};
use super::readings;
use super::show;
use super::text::{self, count};

/// Where in the conversation it happened.
pub(super) struct Place<'a> {
    pub(super) form: Form,
    pub(super) way: Way,
    /// Of the request or response.
    pub(super) number: u64,
    /// The request that a response would have answered.
    pub(super) asked: Option<&'a Asked>,
    /// Where the message before ended, if `Content-Length` said so.
    pub(super) counted_end: Option<u64>,
    /// The connection is known to have ended here, not only the input.
    pub(super) closed: bool,
}

/// Prints what came of the message, and what is wrong with it.
pub(super) fn show(page: &mut Page<'_>, failure: &Failure, seen: Seen<'_>, place: &Place<'_>) -> io::Result<()> {
    let kind = failure.error.kind();
    if kind == ErrorKind::NoResponse {
        return no_response(page, seen, place);
    }
    heading(page, failure, place)?;
    match &failure.message {
        Some(message) => show::body(page, message)?,
        None => head_lines(page, failure, seen)?,
    }
    match kind {
        ErrorKind::IncompleteHead => cut_head(page, seen, place),
        ErrorKind::IncompleteContent => cut_content(page, failure, seen, place),
        _ => broken(page, failure, seen, place),
    }?;
    hints(failure, seen, place).iter().try_for_each(|hint| page.note(Tone::Hint, &format!("hint: {hint}")))
}

fn heading(page: &mut Page<'_>, failure: &Failure, place: &Place<'_>) -> io::Result<()> {
    let name = match place.way {
        Way::Requests => format!("request {}", place.number),
        Way::Responses => format!("response {}{}", place.number, show::to_whom(place.asked)),
    };
    let whose = match (place.form, place.way) {
        (Form::Capture, _) => "",
        (Form::Log, Way::Requests) => " of the client",
        (Form::Log, Way::Responses) => " of the server",
    };
    let (name, from) = match failure.message.as_ref().filter(|message| message.head_shown) {
        Some(message) => (name + " goes on", message.head_end),
        None => (name, failure.start),
    };
    page.title(&format!("{}{name}: from byte {from}{whose}", show::arrow(place.form, place.way)))
}

/// The lines of a head that the core refused, up to the fault.
fn head_lines(page: &mut Page<'_>, failure: &Failure, seen: Seen<'_>) -> io::Result<()> {
    let head = seen.from(failure.start);
    let to_fault = usize::try_from(failure.at - failure.start).unwrap_or(usize::MAX).min(head.len());
    // Whole lines only: the broken one is shown with the fault.
    let len = head[..to_fault].iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
    let lines = HeadLines::of(&head[..len], failure.start);
    for line in &lines.shown {
        page.at(line.at, Tone::Plain, &line.text)?;
    }
    match lines.others {
        0 => Ok(()),
        n => page.indented(Tone::Quiet, &format!("({} not shown)", count(n, "other field"))),
    }
}

fn broken(page: &mut Page<'_>, failure: &Failure, seen: Seen<'_>, place: &Place<'_>) -> io::Result<()> {
    let (error, kind) = (failure.error, failure.error.kind());
    page.remark(failure.at, Tone::Bad, &format!("error: {} ({})", kind_text(&failure.error), error.section()))?;
    let index = usize::try_from(failure.at.saturating_sub(seen.base)).unwrap_or(usize::MAX);
    let (around, caret) = text::around(seen.bytes, index);
    page.indented(Tone::Plain, &around)?;
    page.indented(Tone::Bad, &caret)?;
    let next = match place.way {
        _ if kind == ErrorKind::Unsolicited => "the client drops these bytes and closes the connection".into(),
        Way::Requests => format!(
            "the server answers {}, then closes: it cannot tell where a next request would start",
            error.status()
        ),
        Way::Responses => {
            "the client takes nothing of this response for good and closes; a proxy answers 502 Bad Gateway".into()
        }
    };
    page.note(Tone::Bad, &format!("next: {next}"))?;
    if failure.message.is_none() && kind != ErrorKind::Unsolicited {
        two_ends(page, failure, seen)?;
    }
    Ok(())
}

/// The sentence of the core without its place and section, which stand elsewhere here.
fn kind_text(error: &tenure_proto::ProtocolError) -> String {
    let text = error.to_string();
    text.split_once(" at byte ").map(|(text, _)| text.to_owned()).unwrap_or(text)
}

/// A message that two programs would end at two places is how requests are smuggled.
fn two_ends(page: &mut Page<'_>, failure: &Failure, seen: Seen<'_>) -> io::Result<()> {
    let readings = readings::of(seen, failure.start, failure.at);
    if readings.len() < 2 {
        return Ok(());
    }
    page.note(
        Tone::Bad,
        "request smuggling, or a broken sender: programs would see different ends (RFC 9112 section 11.2):",
    )?;
    let width = readings.iter().map(|r| r.by.len()).max().unwrap_or(0);
    for reading in &readings {
        page.indented(Tone::Plain, &format!("  by {:width$}  {}", reading.by, reading.end))?;
    }
    Ok(())
}

fn cut_head(page: &mut Page<'_>, seen: Seen<'_>, place: &Place<'_>) -> io::Result<()> {
    let text = "cut off inside the head: the empty line that ends it did not come";
    cut(page, seen.end(), text, place)
}

fn cut_content(page: &mut Page<'_>, failure: &Failure, seen: Seen<'_>, place: &Place<'_>) -> io::Result<()> {
    let text = match &failure.message {
        Some(message) => missing(message),
        None => "cut off".to_owned(),
    };
    cut(page, seen.end(), &text, place)
}

fn missing(message: &Message) -> String {
    let came = message.content.len;
    match (message.head.framing, message.content.chunks.under_way()) {
        (Framing::Length(length), _) => format!("cut off: {came} of {} came", count(length, "byte")),
        (_, Some(chunk)) if chunk.size == 0 => {
            "cut off inside the trailer section: the empty line that ends it did not come".into()
        }
        (_, Some(chunk)) => {
            format!("cut off: {} of {} of the chunk at byte {} came", chunk.came, count(chunk.size, "byte"), chunk.at)
        }
        (_, None) => format!(
            "cut off between chunks: the last chunk (size 0) did not come, after {} of content",
            count(came, "byte")
        ),
    }
}

fn cut(page: &mut Page<'_>, at: u64, text: &str, place: &Place<'_>) -> io::Result<()> {
    page.remark(at, Tone::Bad, text)?;
    let text = match (place.way, place.closed) {
        (Way::Requests, false) => {
            "the server waits for the rest; if the connection ends here, the request is incomplete and must not \
             be taken for whole"
        }
        (Way::Requests, true) => "the request is incomplete: the server must not take it for whole",
        (Way::Responses, false) => {
            "the client waits for the rest; if the connection ends here, it must not take the response for whole"
        }
        (Way::Responses, true) => "the response is incomplete: the client must not take it for whole",
    };
    page.note(Tone::Bad, &format!("next: {text} (RFC 9112 section 8)"))
}

/// A response that only the end of the connection would end, and a reset is no end.
pub(super) fn reset(page: &mut Page<'_>, message: &Message, place: &Place<'_>) -> io::Result<()> {
    let name = format!("response {}{}", place.number, show::to_whom(place.asked));
    page.title(&format!("{}{name}: from byte {}", show::arrow(place.form, place.way), message.start))?;
    show::body(page, message)?;
    cut(page, message.end, "cut off by the reset: only the server's FIN would have ended it", place)
}

fn no_response(page: &mut Page<'_>, seen: Seen<'_>, place: &Place<'_>) -> io::Result<()> {
    let Some(asked) = place.asked else { return Ok(()) };
    page.title(&format!("No response{}", show::to_whom(Some(asked))))?;
    page.remark(seen.end(), Tone::Bad, "the connection ended before the first byte of it")?;
    let again = if tenure_proto::MethodClass::of(asked.method.as_bytes()).is_idempotent() {
        format!("{} is idempotent, so a client may send it again by itself", asked.method)
    } else {
        format!("{} is not idempotent, so a client should not send it again by itself", asked.method)
    };
    page.note(Tone::Bad, &format!("next: the server may have processed it or not; {again} (RFC 9112 section 9.3.1)"))
}

fn hints(failure: &Failure, seen: Seen<'_>, place: &Place<'_>) -> Vec<String> {
    let kind = failure.error.kind();
    let rest = seen.from(failure.start);
    let first = failure.start == 0 && failure.message.is_none();
    let mut hints = Vec::new();
    if first && let Some(other) = what_else(rest) {
        return vec![other.to_owned()];
    }
    if first && !rest.starts_with(b"HTTP/") && !capture::looks_like_a_request(rest) && !is_cut_off(kind) {
        return vec![
            "this does not look like HTTP/1: a request begins with METHOD TARGET HTTP/1.1, a response with \
                     HTTP/1.1 STATUS"
                .to_owned(),
        ];
    }
    if kind == ErrorKind::BareLf && !seen.bytes.windows(2).any(|pair| pair == b"\r\n") {
        hints.push(
            "no line here ends in CR LF; an editor may have changed that: `sed 's/$/\\r/'` puts it back".to_owned(),
        );
    }
    let begins = failure.message.is_none() && failure.at < failure.start + first_line(rest);
    if begins && place.counted_end == Some(failure.start) {
        hints.push(format!(
            "the message before ends at byte {} because its Content-Length says so: if these bytes belong to it, \
             that number is too small",
            failure.start
        ));
    }
    if kind == ErrorKind::Unsolicited && rest.get(9..12) == Some(b"408") {
        hints.push(
            "a server may send 408 as it closes an idle connection: nobody had asked, and nothing is lost".to_owned(),
        );
    }
    if let (Some(message), Some(Asked { number: None, .. })) = (&failure.message, place.asked)
        && kind == ErrorKind::IncompleteContent
        && message.content.len == 0
    {
        hints.push(head_hint(place.number));
    }
    hints
}

const fn is_cut_off(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::IncompleteHead | ErrorKind::IncompleteContent)
}

/// A response without its content may be the answer to HEAD.
pub(super) fn head_hint(number: u64) -> String {
    let methods = "GET,".repeat(usize::try_from(number).unwrap_or(1).saturating_sub(1).min(16));
    format!("if it answers HEAD, it has no content and ends with its head: `--methods {methods}HEAD`")
}

fn first_line(bytes: &[u8]) -> u64 {
    bytes.iter().position(|&b| b == b'\n').map_or(bytes.len(), |i| i + 1) as u64
}

/// Well-known things that are not HTTP/1.
fn what_else(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x16, 3, ..] => Some("this begins like TLS: explain needs the bytes before encryption"),
        [b'P', b'R', b'I', b' ', b'*', b' ', b'H', ..] => Some("this is HTTP/2, whose frames are not explained here"),
        [0xd4, 0xc3, 0xb2, 0xa1, ..] | [0xa1, 0xb2, 0xc3, 0xd4, ..] | [0x0a, 0x0d, 0x0d, 0x0a, ..] => Some(
            "this is a packet capture: save one TCP stream of it as raw bytes first, with Wireshark's Follow TCP Stream",
        ),
        [b'S', b'S', b'H', b'-', ..] => Some("this is SSH"),
        [0x1f, 0x8b, ..] => Some("this is compressed (gzip): unpack it first"),
        _ => None,
    }
}
