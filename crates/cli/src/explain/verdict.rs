//! Sentences: why a message ends where it does, and what the connection may do next.

use http::StatusCode;
use tenure_proto::{CloseReason, Directive, Expectation, FramingRule, KeepAlive, Persistence, Version};

use super::conversation::Asked;
use super::message::{Message, Start};
use super::show::Answer;
use super::text::count;

/// Why it ends here.
pub(super) fn end(message: &Message) -> String {
    let content = count(message.content.len, "byte");
    match message.head.rule {
        FramingRule::NoContent => no_content(message),
        FramingRule::Tunnel => {
            "a 2xx response to CONNECT ends with its head; from here on the bytes are the tunnel's".into()
        }
        FramingRule::CodingOverLength => {
            format!(
                "Transfer-Encoding overrides Content-Length: the last chunk and the empty line after it, {content} of content"
            )
        }
        FramingRule::Chunked => {
            format!("chunked: the last chunk and the empty line after it end the message, {content} of content")
        }
        FramingRule::ContentLength => match message.content.len {
            0 => "Content-Length is 0, so it ends with its head".into(),
            n => format!("Content-Length counts {} from byte {}", count(n, "byte"), message.content.at),
        },
        FramingRule::RequestWithoutLength => {
            "a request with neither Content-Length nor Transfer-Encoding has no content, so it ends with its head"
                .into()
        }
        FramingRule::CodedUntilClose => {
            "its last transfer coding is not chunked, so only the connection's end ends it; \
             nobody can tell whether all of it came"
                .into()
        }
        FramingRule::UntilClose => {
            "a response with neither Content-Length nor chunked ends where the connection does; \
             nobody can tell whether all of it came"
                .into()
        }
    }
}

fn no_content(message: &Message) -> String {
    let Start::Response { status } = message.head.start else { return String::new() };
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return "a 101 response ends with its head; from here on the bytes belong to the protocol it names".into();
    }
    let by_status = status.is_informational() || matches!(status.as_u16(), 204 | 304);
    let who = if by_status { format!("a {} response", status.as_u16()) } else { "a response to HEAD".into() };
    match message.lines.content_length {
        Some(length) if by_status && status != StatusCode::NOT_MODIFIED => {
            format!("{who} has no content, whatever its Content-Length ({length}) says")
        }
        Some(length) => {
            let other = if by_status { "a 200" } else { "GET" };
            format!("{who} has no content; its Content-Length ({length}) is what {other} would have brought")
        }
        None => format!("{who} has no content, so it ends with its head"),
    }
}

/// What a request's `Expect` means, if it has one.
pub(super) fn expectation(message: &Message) -> Option<String> {
    match &message.head.start {
        Start::Request { expectation: Expectation::Continue, .. } => Some(format!(
            "expects 100-continue: at byte {} the client may wait for 100 (Continue) or for a refusal \
             (RFC 9110 section 10.1.1)",
            message.head_end
        )),
        Start::Request { expectation: Expectation::Unknown, .. } => {
            Some("an expectation nobody knows: a server may answer 417 (RFC 9110 section 10.1.1)".into())
        }
        _ => None,
    }
}

/// What may follow a request.
pub(super) fn after_request(message: &Message, after: Persistence) -> String {
    let (end, version) = (message.end, message.head.version);
    if let Persistence::Close(why) = after {
        return format!("no further request: {}; the server answers this one, then closes", reason(why, "the request"));
    }
    let Start::Request { method, upgrade, .. } = &message.head.start else { return String::new() };
    if method == "CONNECT" {
        return "a tunnel if the answer is 2xx (RFC 9110 section 9.3.6), another request if it is not".into();
    }
    let or = if *upgrade {
        ", unless the answer is 101 and another protocol starts here (RFC 9110 section 7.8)"
    } else {
        ""
    };
    match version {
        Version::Http11 => format!(
            "another request may follow from byte {end}, also before the answer{or}: HTTP/1.1 persists unless a \
             side says close (RFC 9112 section 9.3)"
        ),
        _ => "another request may follow once the response says keep-alive too: HTTP/1.0 persists only so \
              (RFC 9112 section 9.3)"
            .into(),
    }
}

/// What may follow an interim response.
pub(super) fn after_interim(message: &Message) -> String {
    match &message.head.start {
        Start::Response { status } if *status == StatusCode::CONTINUE => {
            "the client sends its content now; the final response is still to come (RFC 9110 section 15.2.1)".into()
        }
        _ => "the final response is still to come (RFC 9110 section 15.2)".into(),
    }
}

/// What may follow a final response.
pub(super) fn after_response(message: &Message, answer: &Answer<'_>) -> String {
    match (answer.directive, answer.next_asked) {
        (Directive::HandOver, _) => "no more HTTP/1 on this connection".into(),
        (Directive::Proceed, Some(number)) => {
            format!(
                "the response to request {number}: responses come in the order of their requests (RFC 9112 section 9.3.2)"
            )
        }
        (Directive::Proceed, None) => {
            let why = match message.head.version {
                Version::Http11 => "HTTP/1.1 persists and neither side said close",
                _ => "HTTP/1.0 persists since keep-alive was said",
            };
            format!("the connection stays open for another request: {why} (RFC 9112 section 9.3){}", hint(message))
        }
        (directive, _) => format!("the connection closes: {}", closes(directive.reason(), answer.asked)),
    }
}

fn closes(why: Option<CloseReason>, asked: Option<&Asked>) -> String {
    let request = |number: Option<u64>| number.map_or_else(|| "the request".into(), |n| format!("request {n}"));
    match (why, asked) {
        // The client's core was told to close; the request has the real reason.
        (Some(CloseReason::LastMessage), Some(Asked { persistence: Persistence::Close(why), number, .. })) => {
            reason(*why, &request(*number))
        }
        (Some(why), _) => reason(why, "the response"),
        (None, _) => "nothing more is due".into(),
    }
}

/// A reason for closing, said of the message that has it.
pub(super) fn reason(why: CloseReason, who: &str) -> String {
    match why {
        CloseReason::CloseOption | CloseReason::LastMessage => format!("{who} says close (RFC 9112 section 9.6)"),
        CloseReason::Http10 => format!("{who} is HTTP/1.0 without keep-alive (RFC 9112 section 9.3)"),
        CloseReason::CloseDelimited => format!("that is how {who} ends (RFC 9112 section 6.3)"),
        CloseReason::FaultyFraming => {
            format!("the framing of {who} cannot be trusted for a next message (RFC 9112 section 6.1)")
        }
        CloseReason::UnreadContent => {
            "the request's content was not read, so nobody can tell where a next request would start".into()
        }
        CloseReason::Malformed => format!("{who} is malformed"),
        CloseReason::HandedOver => "another protocol owns the connection".into(),
        other => other.text().into(),
    }
}

/// What a `Keep-Alive` field promises, if there is one.
fn hint(message: &Message) -> String {
    let Some(KeepAlive { timeout, max }) = message.head.keep_alive else { return String::new() };
    let timeout = timeout.map(|t| format!("{} idle", count(t, "second")));
    let max = max.map(|m| count(m, "more request"));
    match (timeout, max) {
        (None, None) => String::new(),
        (timeout, max) => {
            let parts: Vec<_> = timeout.into_iter().chain(max).collect();
            format!("; by its Keep-Alive hint for {}", parts.join(" and "))
        }
    }
}
