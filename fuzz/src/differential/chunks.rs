//! Chunked content and its trailer section.

use std::sync::Arc;
use std::time::Instant;

use httparse::Status;
use tenure_proto::{Client, Config, Connection, ErrorKind, Event, Fields, RequestLine, Role, Server, Version};

use super::heads::{folding, same_fields};

pub(super) fn request(bytes: &[u8]) {
    let head = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    compare(Connection::<Server>::new(Arc::new(Config::default())), head, bytes);
}

pub(super) fn response(bytes: &[u8]) {
    let mut connection = Connection::<Client>::new(Arc::new(Config::default()));
    let line = RequestLine { method: "GET", target: "/", version: Version::Http11 };
    connection.send_head(line, [(&b"host"[..], &b"a"[..])], Some(0), &mut Vec::new()).expect("a valid request");
    connection.send_end([], &mut Vec::new()).expect("it has no content");
    compare(connection, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", bytes);
}

fn compare<R: Role>(mut connection: Connection<R>, head: &[u8], bytes: &[u8]) {
    let now = Instant::now();
    assert!(matches!(connection.receive(head, now), Ok((used, Event::Head(_))) if used == head.len()));
    let theirs = Decoded::by_httparse(bytes);
    let (mut content, mut at) = (Vec::new(), 0);
    loop {
        match connection.receive(&bytes[at..], now) {
            Ok((used, Event::Content(piece))) => {
                content.extend_from_slice(piece);
                at += used;
            }
            Ok((used, Event::End(trailers))) => {
                at += used;
                assert_eq!(theirs.end, End::Whole(at), "tenure sees the end at {at}");
                assert_eq!(content, theirs.content);
                theirs.same_trailers(trailers, &bytes[..at]);
                return;
            }
            Ok((_, Event::NeedInput)) => {
                // tenure judges a trailer's line when it is whole.
                assert!(
                    matches!(theirs.end, End::Partial | End::BadTrailers),
                    "tenure waits for more: {:?}",
                    theirs.end
                );
                assert_eq!(content, theirs.content);
                return;
            }
            Ok((_, other)) => panic!("not content: {other:?}"),
            Err(error) => {
                assert!(theirs.content.starts_with(&content), "tenure delivered what is no content");
                if matches!(theirs.end, End::Whole(_)) {
                    assert!(stricter_chunks(error.kind()), "only tenure refuses it: {error}");
                }
                return;
            }
        }
    }
}

/// What httparse reads and tenure refuses, each for its reason.
const fn stricter_chunks(kind: ErrorKind) -> bool {
    use ErrorKind as E;
    match kind {
        // httparse skips extensions up to the line's end, whatever is in them; tenure checks and
        // limits them, and takes no white space between size and line end from a client.
        E::BadChunkExtension | E::ChunkExtensionsTooLarge => true,
        // httparse ends a trailer's line by a bare LF, in requests too.
        E::BareLf => true,
        // Only responses may fold, and not their first line.
        E::ObsFold => true,
        // Limits.
        E::TooManyFields | E::TrailersTooLarge => true,
        _ => false,
    }
}

/// What a simple decoder makes of chunked content. It takes the sizes from httparse.
struct Decoded {
    content: Vec<u8>,
    /// Where the trailer section starts, if it does.
    trailers: usize,
    end: End,
}

#[derive(PartialEq, Debug)]
enum End {
    /// After this many bytes, trailer section included.
    Whole(usize),
    Partial,
    BadChunk,
    BadTrailers,
}

/// Makes a trailer section a response's head, which httparse can unfold.
const STATUS_LINE: &[u8] = b"HTTP/1.1 200 OK\r\n";

impl Decoded {
    fn by_httparse(bytes: &[u8]) -> Self {
        let mut decoded = Self { content: Vec::new(), trailers: 0, end: End::Partial };
        decoded.end = decoded.chunks(bytes);
        decoded
    }

    fn chunks(&mut self, bytes: &[u8]) -> End {
        let mut rest = bytes;
        loop {
            // httparse takes no digits at all for a size of 0; RFC 9112 section 7.1 asks for one.
            if rest.first().is_some_and(|b| !b.is_ascii_hexdigit()) {
                return End::BadChunk;
            }
            let size = match httparse::parse_chunk_size(rest) {
                Ok(Status::Complete((line, size))) => {
                    rest = &rest[line..];
                    size
                }
                Ok(Status::Partial) => return End::Partial,
                Err(_) => return End::BadChunk,
            };
            if size == 0 {
                self.trailers = bytes.len() - rest.len();
                return trailer_section(rest, self.trailers);
            }
            let (data, after) = rest.split_at(size.min(rest.len() as u64) as usize);
            self.content.extend_from_slice(data);
            rest = match after {
                [b'\r', b'\n', next @ ..] => next,
                [] | [b'\r'] => return End::Partial,
                _ => return End::BadChunk,
            };
        }
    }

    fn same_trailers(&self, ours: Fields<'_>, bytes: &[u8]) {
        let section = [STATUS_LINE, &bytes[self.trailers..]].concat();
        let mut headers = [httparse::EMPTY_HEADER; 101];
        let mut response = httparse::Response::new(&mut headers);
        assert!(matches!(folding().parse_response(&mut response, &section), Ok(Status::Complete(_))));
        same_fields(ours, response.headers);
    }
}

/// The trailer section that starts after `before` bytes.
fn trailer_section(bytes: &[u8], before: usize) -> End {
    let section = [STATUS_LINE, bytes].concat();
    let mut headers = [httparse::EMPTY_HEADER; 101];
    match folding().parse_response(&mut httparse::Response::new(&mut headers), &section) {
        Ok(Status::Complete(length)) => End::Whole(before + length - STATUS_LINE.len()),
        Ok(Status::Partial) => End::Partial,
        Err(_) => End::BadTrailers,
    }
}
