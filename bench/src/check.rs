//! Before anything is measured: do all rungs answer the same?

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::heads::{CONTENT, Head};
use crate::rungs::Rung;

const PATIENCE: Duration = Duration::from_secs(5);
/// As many as are ever pipelined here.
const PIPELINED: usize = 16;

/// Fields that some servers cannot be told to leave out.
const OWN_FIELDS: [&str; 2] = ["server", "connection"];

/// Asks the server for every kind of head, pipelined, and returns the length of its answers.
///
/// # Errors
/// An answer is not the one every rung gives: status line, the same fields in any order and case,
/// the same content.
pub(crate) fn response_len(rung: Rung, address: SocketAddr) -> io::Result<usize> {
    let end = Instant::now() + PATIENCE;
    loop {
        let asked = match rung {
            Rung::Nginx | Rung::H2o | Rung::MayMinihttp => ask(address, &Head::ALL, check_own),
            _ => ask(address, &Head::ALL, check_exact),
        };
        match asked {
            // may_minihttp takes the port over from the socket that was bound first.
            Err(e)
                if matches!(e.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset)
                    && Instant::now() < end =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(e) => return Err(io::Error::new(e.kind(), format!("{}: {e}", rung.name()))),
            Ok(len) => return Ok(len),
        }
    }
}

/// Asks any server for the short answer and returns how long that is, with whatever fields.
///
/// # Errors
/// The status or the content is another, or not every answer is as long.
pub(crate) fn hello_len(address: SocketAddr) -> io::Result<usize> {
    ask(address, &[Head::Small], |response| {
        if response.starts_with(b"HTTP/1.1 200 ") && response.ends_with(CONTENT) {
            Ok(())
        } else {
            Err(wrong(response))
        }
    })
}

fn ask(address: SocketAddr, heads: &[Head], check: fn(&[u8]) -> io::Result<()>) -> io::Result<usize> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut len = None;
    for head in heads {
        stream.write_all(&head.bytes().repeat(PIPELINED))?;
        let mut input = Vec::new();
        let mut seen = 0;
        while seen < PIPELINED {
            let Some(response) = whole(&input) else {
                let mut more = [0; 4096];
                match stream.read(&mut more)? {
                    0 => return Err(io::Error::other("the connection was closed before all answers came")),
                    n => input.extend_from_slice(&more[..n]),
                }
                continue;
            };
            let response: Vec<u8> = input.drain(..response).collect();
            check(&response)?;
            if *len.get_or_insert(response.len()) != response.len() {
                return Err(io::Error::other("two answers differ in length"));
            }
            seen += 1;
        }
    }
    stream.shutdown(Shutdown::Write)?;
    if stream.read(&mut [0])? > 0 {
        return Err(io::Error::other("more answers than requests"));
    }
    len.ok_or_else(|| io::Error::other("nothing was asked"))
}

/// The length of the first response in `input`, if it is whole.
fn whole(input: &[u8]) -> Option<usize> {
    let len = memchr::memmem::find(input, b"\r\n\r\n")? + 4 + CONTENT.len();
    (input.len() >= len).then_some(len)
}

fn check_exact(response: &[u8]) -> io::Result<()> {
    check(response, &[])
}

fn check_own(response: &[u8]) -> io::Result<()> {
    check(response, &OWN_FIELDS)
}

/// The answer that every rung gives, with no fields beside it but those `allowed`.
fn check(response: &[u8], allowed: &[&str]) -> io::Result<()> {
    let text = String::from_utf8_lossy(response);
    let (head, content) = text.split_once("\r\n\r\n").ok_or_else(|| wrong(response))?;
    let mut lines = head.split("\r\n");
    let status = lines.next();
    let is_allowed = |line: &String| line.split_once(':').is_some_and(|(name, _)| allowed.contains(&name));
    let mut fields: Vec<String> = lines.map(canonical).filter(|line| !is_allowed(line)).collect();
    fields.sort();
    let expected = [format!("content-length: {}", CONTENT.len()), "content-type: text/plain".into(), "date: *".into()];
    // The reason phrase is the server's own affair (RFC 9112 section 4).
    let same = status.is_some_and(|line| line.eq_ignore_ascii_case("HTTP/1.1 200 OK"))
        && fields == expected
        && content.as_bytes() == CONTENT;
    if same { Ok(()) } else { Err(wrong(response)) }
}

fn wrong(response: &[u8]) -> io::Error {
    io::Error::other(format!("not the answer that every server gives:\n{}", String::from_utf8_lossy(response)))
}

/// A field line with its name in lower case; a date of the fixed length is as good as any other.
fn canonical(line: &str) -> String {
    match line.split_once(": ") {
        Some((name, date)) if name.eq_ignore_ascii_case("date") && date.len() == 29 => "date: *".into(),
        Some((name, value)) => format!("{}: {value}", name.to_ascii_lowercase()),
        None => line.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    #[test]
    fn order_and_case_of_fields_do_not_matter() {
        let response = format!(
            "HTTP/1.1 200 OK\r\nDate: {DATE}\r\nContent-Length: 13\r\ncontent-type: text/plain\r\n\r\nHello, World!"
        );
        assert!(check_exact(response.as_bytes()).is_ok());
        assert_eq!(whole(response.as_bytes()), Some(response.len()));
        assert_eq!(whole(&response.as_bytes()[..response.len() - 1]), None);
    }

    #[test]
    fn another_status_a_missing_or_an_added_field_is_seen() {
        for head in [
            format!("HTTP/1.1 400 Bad Request\r\ndate: {DATE}\r\ncontent-length: 13\r\ncontent-type: text/plain"),
            "HTTP/1.1 200 OK\r\ncontent-length: 13\r\ncontent-type: text/plain".to_owned(),
            format!("HTTP/1.1 200 OK\r\ndate: {DATE}\r\ncontent-length: 13\r\ncontent-type: text/plain\r\nserver: a"),
        ] {
            assert!(check_exact(format!("{head}\r\n\r\nHello, World!").as_bytes()).is_err(), "{head}");
        }
        let own = format!(
            "HTTP/1.1 200 Ok\r\nServer: a\r\nDate: {DATE}\r\nContent-Length: 13\r\nContent-Type: text/plain\r\n\r\nHello, World!"
        );
        assert!(check_own(own.as_bytes()).is_ok() && check_exact(own.as_bytes()).is_err());
    }
}
