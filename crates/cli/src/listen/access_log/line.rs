//! One line a request: the combined log format, which people's tools read, then what is known
//! about the connection, as `name=value`.
//!
//! ```text
//! 127.0.0.1 - - [21/Nov/2026:15:40:00 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8.5.0" connection=1 request=2
//!   reused=yes idle=1.250000 head=0.000312 took=0.000398 received=0 end=complete
//! ```
//!
//! The first field is the client, by the word of a proxy that is trusted, or else the peer.
//! Times are seconds; `head` is the time to the response's head, `received` the bytes of the
//! request's content, `end` is `complete` or `cut`. What is not known is `-`. As nginx does it, every
//! byte that is not printable ASCII is written `\xHH`, and so are quotes and backslashes: no request
//! can forge a line, a field, or a terminal's control sequence.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use tenure::Exchanged;

/// The line, with its line feed; `at` is when the exchange ended.
pub(super) fn line(exchange: &Exchanged<'_>, at: SystemTime) -> String {
    let info = &exchange.connection;
    let mut line = String::with_capacity(256);
    match info.client {
        Some(client) => write!(line, "{client}"),
        None => line.write_char('-'),
    }
    .and_then(|()| write!(line, " - - [{}] \"", time(at)))
    .and_then(|()| request(&mut line, exchange))
    .and_then(|()| match exchange.status {
        Some(status) => write!(line, "\" {}", status.as_u16()),
        None => line.write_str("\" -"),
    })
    .and_then(|()| write!(line, " {} \"", exchange.response_content))
    .and_then(|()| field(&mut line, exchange.referer))
    .and_then(|()| line.write_str("\" \""))
    .and_then(|()| field(&mut line, exchange.user_agent))
    .and_then(|()| {
        writeln!(
            line,
            "\" connection={} request={} reused={} idle={} head={} took={} received={} end={}",
            info.id,
            info.request,
            if info.is_reused() { "yes" } else { "no" },
            seconds(info.idle),
            exchange.head_after.map_or_else(|| "-".to_owned(), seconds),
            seconds(exchange.took),
            exchange.request_content,
            if exchange.is_complete { "complete" } else { "cut" },
        )
    })
    .expect("a String takes all that is written to it");
    line
}

fn request(line: &mut String, exchange: &Exchanged<'_>) -> std::fmt::Result {
    if exchange.method.is_empty() {
        return line.write_char('-');
    }
    escape(line, exchange.method.as_bytes())?;
    line.write_char(' ')?;
    escape(line, exchange.target.as_bytes())?;
    write!(line, " {}", exchange.version)
}

fn field(line: &mut String, value: Option<&HeaderValue>) -> std::fmt::Result {
    match value {
        Some(value) => escape(line, value.as_bytes()),
        None => line.write_char('-'),
    }
}

fn escape(line: &mut String, bytes: &[u8]) -> std::fmt::Result {
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => write!(line, "\\x{byte:02X}")?,
            b' '..=b'~' => line.push(char::from(byte)),
            _ => write!(line, "\\x{byte:02X}")?,
        }
    }
    Ok(())
}

fn seconds(time: Duration) -> String {
    format!("{}.{:06}", time.as_secs(), time.subsec_micros())
}

/// `21/Nov/2026:15:40:00 +0000`, from the date that HTTP writes (`Sat, 21 Nov 2026 15:40:00 GMT`).
fn time(at: SystemTime) -> String {
    let date = httpdate::fmt_http_date(at);
    let mut parts = date.split(' ').skip(1);
    let mut part = || parts.next().unwrap_or("-");
    let (day, month, year, clock) = (part(), part(), part(), part());
    format!("{day}/{month}/{year}:{clock} +0000")
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use tenure::ConnectionInfo;
    use tenure::proto::Version;

    use super::*;

    fn exchange() -> Exchanged<'static> {
        let connection = ConnectionInfo {
            id: 7,
            request: 2,
            peer: Some(([192, 0, 2, 1], 4711).into()),
            local: None,
            client: Some([192, 0, 2, 1].into()),
            server: None,
            age: Duration::from_secs(3),
            idle: Duration::from_millis(1250),
            tls: None,
            pipelined: None,
        };
        Exchanged {
            connection,
            method: "GET",
            target: "/a?b",
            version: Version::Http11,
            referer: None,
            user_agent: None,
            status: Some(StatusCode::OK),
            request_content: 3,
            response_content: 5,
            head_after: Some(Duration::from_micros(312)),
            took: Duration::from_micros(1_000_398),
            is_complete: true,
        }
    }

    fn at() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_275_600)
    }

    #[test]
    fn a_line_is_the_combined_format_and_then_the_connection() {
        let agent = HeaderValue::from_static("curl/8.5.0");
        let expected = "192.0.2.1 - - [21/Nov/2026:15:40:00 +0000] \"GET /a?b HTTP/1.1\" 200 5 \"-\" \"curl/8.5.0\" \
                        connection=7 request=2 reused=yes idle=1.250000 head=0.000312 took=1.000398 received=3 \
                        end=complete\n";
        assert_eq!(line(&Exchanged { user_agent: Some(&agent), ..exchange() }, at()), expected);
    }

    #[test]
    fn what_is_not_known_is_a_dash() {
        let connection = ConnectionInfo { client: None, request: 1, ..exchange().connection };
        let cut = Exchanged {
            connection,
            method: "",
            target: "",
            status: None,
            head_after: None,
            is_complete: false,
            ..exchange()
        };
        let line = line(&cut, at());
        assert!(line.starts_with("- - - [21/Nov/2026:15:40:00 +0000] \"-\" - 5 \"-\" \"-\" connection=7"), "{line}");
        assert!(line.contains(" reused=no ") && line.contains(" head=- ") && line.ends_with(" end=cut\n"), "{line}");
    }

    #[test]
    fn no_request_can_forge_a_line_or_a_field() {
        let agent = HeaderValue::from_bytes(b"a\" 200\t\xff\\x").unwrap();
        let evil = Exchanged { target: "/\"\r\n\x1b[2J\u{e9}", user_agent: Some(&agent), ..exchange() };
        let line = line(&evil, at());
        assert!(line.contains(r#""GET /\x22\x0D\x0A\x1B[2J\xC3\xA9 HTTP/1.1" 200"#), "{line}");
        assert!(line.contains(r#""a\x22 200\x09\xFF\x5Cx" connection=7"#), "{line}");
        assert_eq!(line.matches('\n').count(), 1);
        assert_eq!(line.matches('"').count(), 6);
    }
}
