//! What a server answered, for the person who asked: the status, and the first line of its text.

use std::time::{Duration, Instant, SystemTime};

use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::BodyExt;
use tenure::{Body, ConnectionInfo, ResponseExt as _};

use crate::report::units;

/// Of an answer's text, this much is looked at.
const TEXT: usize = 4 * 1024;
/// An answer of more than this is not read to its end, though that costs the connection.
const DRAINED: u64 = 1024 * 1024;

/// A final response, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// When its head came.
    pub(crate) at: Instant,
    pub(crate) connection: Option<ConnectionInfo>,
    pub(crate) location: Option<String>,
    /// How long the server wants to be left alone.
    pub(crate) retry_after: Option<Duration>,
    /// The first line of its text, if that is for people.
    line: Option<String>,
}

impl Answer {
    /// Reads a response to its end, so that the connection can carry the next request. While
    /// `sending`, the request's content is still on its way, and reading is also what sends it.
    pub(crate) async fn read(response: Response<Body>, sending: impl Fn() -> bool) -> Self {
        let at = Instant::now();
        let connection = response.connection().cloned();
        let (head, mut body) = response.into_parts();
        let mut text = Vec::new();
        let mut read = 0;
        // The status says what became of the request; text that breaks off changes nothing about it.
        while let Some(Ok(frame)) = body.frame().await {
            let data = frame.data_ref().map_or(&[][..], |data| data);
            text.extend_from_slice(&data[..data.len().min(TEXT - text.len())]);
            read += data.len() as u64;
            if read > DRAINED && !sending() {
                break;
            }
        }
        let field = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).map(units::plain);
        Self {
            status: head.status,
            at,
            connection,
            location: field(LOCATION),
            retry_after: head.headers.get(RETRY_AFTER).and_then(|value| retry_after(value, SystemTime::now())),
            line: first_line(&head.headers, &text),
        }
    }

    /// True if the server asks to come back later.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS)
    }

    /// Why this is no success: the status, the server's own words, and where it points.
    pub(crate) fn reason(&self) -> String {
        let mut what = match self.status.canonical_reason() {
            Some(reason) => format!("{} {reason}", self.status.as_u16()),
            None => self.status.as_u16().to_string(),
        };
        if let Some(line) = &self.line {
            what.push_str(": ");
            what.push_str(line);
        }
        if self.status.is_redirection() {
            let to = self.location.as_deref().unwrap_or("nowhere");
            what.push_str(&format!(" (it points to {to}, and was not followed)"));
        }
        what
    }
}

/// A page is for browsers; its first line says nothing.
fn first_line(headers: &HeaderMap, text: &[u8]) -> Option<String> {
    let kind = headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes()).to_ascii_lowercase();
    if kind.starts_with(b"text/html") || kind.starts_with(b"application/octet-stream") {
        return None;
    }
    let text = String::from_utf8_lossy(text);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let mut short: String = line.chars().take(200).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    Some(units::plain(&short))
}

/// How long a `Retry-After` asks to wait: seconds, or a date.
fn retry_after(value: &HeaderValue, now: SystemTime) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than a number holds are more than anyone waits.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const S: Duration = Duration::from_secs(1);

    async fn answer(response: http::response::Builder, text: &'static str) -> Answer {
        Answer::read(response.body(Body::from(text)).unwrap(), || false).await
    }

    #[tokio::test]
    async fn an_answer_says_why_in_its_first_line() {
        let answer = answer(Response::builder().status(413), "\n  too large \x1b[1m\nmore\n").await;
        assert_eq!(answer.reason(), "413 Payload Too Large: too large \\u{1b}[1m");
    }

    #[tokio::test]
    async fn pages_and_long_lines_are_left_out() {
        let page = answer(Response::builder().status(404).header(CONTENT_TYPE, "Text/HTML"), "<html>\n").await;
        assert_eq!(page.reason(), "404 Not Found");
        let long: &'static str = Box::leak("ö".repeat(3_000).into_boxed_str());
        let long = answer(Response::builder().status(500), long).await;
        assert!(long.reason().len() < 500);
    }

    #[tokio::test]
    async fn a_redirection_says_where_it_points() {
        let moved = answer(Response::builder().status(308).header(LOCATION, "https://other/in/"), "").await;
        assert_eq!(moved.reason(), "308 Permanent Redirect (it points to https://other/in/, and was not followed)");
        let nowhere = answer(Response::builder().status(302), "").await;
        assert!(nowhere.reason().contains("nowhere"));
    }

    #[tokio::test]
    async fn a_busy_server_says_when_to_come_back() {
        let busy = answer(Response::builder().status(503).header(RETRY_AFTER, "7"), "").await;
        assert!(busy.is_busy());
        assert_eq!(busy.retry_after, Some(Duration::from_secs(7)));
        let busy = answer(Response::builder().status(429), "").await;
        assert_eq!((busy.is_busy(), busy.retry_after), (true, None));
    }

    #[test]
    fn seconds_and_dates() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        let of = |text: &'static str| retry_after(&HeaderValue::from_static(text), now);
        assert_eq!(of("120"), Some(120 * S));
        assert_eq!(of(" 0 "), Some(Duration::ZERO));
        assert_eq!(of("99999999999999999999999"), Some(Duration::from_secs(u64::MAX)));
        assert_eq!(of("Sun, 06 Nov 1994 08:49:47 GMT"), Some(10 * S));
        assert_eq!(of("Sun, 06 Nov 1994 08:49:27 GMT"), Some(Duration::ZERO), "in the past");
        for text in ["", "soon", "-1", "1.5"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
