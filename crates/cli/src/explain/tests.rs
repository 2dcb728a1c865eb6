//! Whole pages for some captures, single sentences for the rest, and inputs that try to break it.

use std::time::Duration;

use super::explain;
use crate::wire::{Direction, FIN_RECEIVED, FIN_SENT, RESET_RECEIVED, WireLog};

/// The page and the number of problems.
fn page_of(bytes: &[u8], methods: &[&str]) -> (String, u64) {
    let methods: Vec<String> = methods.iter().map(|m| (*m).to_owned()).collect();
    let mut out = Vec::new();
    let tally = explain("capture", bytes, &methods, &mut out, false).unwrap();
    (String::from_utf8(out).unwrap(), tally.problems)
}

/// The page as one line, so that line breaks do not matter.
fn text_of(bytes: &[u8]) -> String {
    flat(&page_of(bytes, &[]).0)
}

fn flat(page: &str) -> String {
    page.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn assert_says(bytes: &[u8], sentences: &[&str]) {
    let text = text_of(bytes);
    for sentence in sentences {
        assert!(text.contains(sentence), "no {sentence:?} in:\n{}", page_of(bytes, &[]).0);
    }
}

macro_rules! whole_pages {
    ($($name:ident: $input:literal $methods:expr, $problems:literal;)*) => {$(
        #[test]
        fn $name() {
            let input = include_bytes!(concat!("../../tests/data/explain/", $input));
            let expected = include_str!(concat!("../../tests/data/explain/", stringify!($name), ".txt"));
            let (page, problems) = page_of(input, &$methods);
            assert!(page == expected, "expected:\n{expected}\nfound:\n{page}");
            assert_eq!(problems, $problems);
        }
    )*};
}

whole_pages! {
    pipelined_upload_head_and_smuggling: "pipelined.http" [], 1;
    responses_alone: "responses.http" [], 1;
    responses_alone_with_methods: "responses.http" ["HEAD", "DELETE"], 1;
    http10_with_and_without_keep_alive: "http10.http" [], 0;
    expect_100_continue: "continue.http" [], 0;
    four_endings: "four-endings.wire" [], 4;
}

#[test]
fn cut_off_messages_say_how_much_came() {
    assert_says(
        b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 120\r\n\r\n0123456789012345678901234567890123456",
        &["87 cut off: 37 of 120 bytes came", "the server waits for the rest", "(RFC 9112 section 8)", "1 problem"],
    );
    assert_says(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\na\r\nwor",
        &["63 cut off: 3 of 10 bytes of the chunk at byte 57 came", "must not take the response for whole"],
    );
    let chunked = |rest: &str| format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello{rest}");
    for (rest, sentence) in [
        ("", "cut off between chunks: the last chunk (size 0) did not come, after 5 bytes of content"),
        ("\r\n", "cut off between chunks"),
        ("\r\na", "cut off between chunks"),
        ("\r\na\r\n", "cut off: 0 of 10 bytes of the chunk at byte 57 came"),
        ("\r\n0\r\n", "cut off inside the trailer section"),
        ("\r\n0\r\nA: b\r\n", "cut off inside the trailer section"),
    ] {
        assert_says(chunked(rest).as_bytes(), &[sentence]);
    }
    assert_says(b"HTTP/1.1 200 OK\r\nServer: x\r\nTransf", &["34 cut off inside the head", "0 HTTP/1.1 200 OK"]);
    assert_says(b"GET / HT", &["request 1: from byte 0", "8 cut off inside the head"]);
}

#[test]
fn a_response_without_its_content_may_answer_head() {
    let curl = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
    assert_says(curl, &["cut off: 0 of 9 bytes came", "if it answers HEAD", "`--methods HEAD`"]);
    let (page, problems) = page_of(curl, &["HEAD"]);
    assert_eq!(problems, 0, "{page}");
    assert!(
        flat(&page).contains("38 ends here: a response to HEAD has no content; its Content-Length (9) is what GET")
    );
    let second = [b"HTTP/1.1 204 No Content\r\n\r\n", &curl[..]].concat();
    assert_says(&second, &["`--methods GET,HEAD`"]);
}

#[test]
fn smuggling_shows_where_two_programs_see_the_end() {
    assert_says(
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nGPOST",
        &[
            "54 error: both Content-Length and Transfer-Encoding",
            "400 Bad Request",
            "request smuggling",
            "by chunked nowhere in these bytes",
            "by Content-Length: 4 at byte 79, then \"GPOST\"",
        ],
    );
    assert_says(
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 9\r\n\r\nhello",
        &[
            "a Content-Length given twice",
            "by Content-Length: 5 at byte 71, where the input ends",
            "by Content-Length: 9 after 4 bytes that are not here",
        ],
    );
    assert_says(
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhelloGET / HTTP/1.1\r\n",
        &[
            "40 error: white space between a field name and its colon (RFC 9112 section 5.1)",
            "by Content-Length: 5 at byte 53, then \"GET / HTTP/1.1\\r\\n\"",
            "by leaving that line out at byte 48",
        ],
    );
    assert_says(
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        &["79 ends here: Transfer-Encoding overrides Content-Length", "rule 3", "it would end at byte 70", "1 problem"],
    );
    // One length, and a fault elsewhere: nobody is deceived.
    let harmless = text_of(b"POST / HTTP/1.1\r\nHost : a\r\nContent-Length: 1\r\n\r\nx");
    assert!(!harmless.contains("smuggling"), "{harmless}");
}

#[test]
fn errors_have_a_caret_under_the_offending_byte() {
    let (page, _) =
        page_of(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n", &[]);
    let lines: Vec<_> = page.lines().collect();
    let caret = lines.iter().position(|line| line.trim() == "^").unwrap();
    let column = lines[caret].find('^').unwrap();
    assert_eq!(&lines[caret - 1][column - 5..=column], "helloX");
    assert!(flat(&page).contains("64 error: a chunk that is not followed by CR LF"), "{page}");
    assert!(flat(&page).contains("(RFC 9112 section 7.1)"), "{page}");

    // Escaped bytes are wider than one column.
    let (page, _) = page_of(b"GET /\x01\x02\x00 HTTP/1.1\r\n\r\n", &[]);
    let lines: Vec<_> = page.lines().collect();
    let caret = lines.iter().position(|line| line.trim() == "^").unwrap();
    assert!(lines[caret - 1][lines[caret].find('^').unwrap()..].starts_with("\\x01\\x02\\0 HTTP"), "{page}");
}

#[test]
fn what_is_not_http_is_named() {
    assert_says(b"\x16\x03\x01\x02\x00\x01", &["this begins like TLS", "1 problem"]);
    assert_says(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &["this is HTTP/2"]);
    assert_says(b"a text file\nwith two lines", &["this does not look like HTTP/1"]);
    assert_says(b"GET / HTTP/1.1\nHost: a\n\n", &["a line feed alone", "`sed 's/$/\\r/'`"]);
    let empty = super::read(&b""[..], "capture").unwrap_err();
    assert_eq!(empty.to_string(), "capture is empty: there is nothing to explain");
    let damaged = explain("capture", b"tenure wire log 9\n", &[], &mut Vec::new(), false);
    assert!(damaged.unwrap_err().to_string().contains("version 1"));
}

#[test]
fn a_content_length_that_is_too_small_is_suspected() {
    let request =
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello world\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_says(request, &["52 ends here", "request 2: from byte 52", "that number is too small"]);
    let response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab<html>";
    assert_says(response, &["response 2 to GET (assumed): from byte 40", "that number is too small"]);
}

#[test]
fn another_protocol_takes_the_rest() {
    assert_says(
        b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\nHTTP/1.1 200 OK\r\n\r\n\x16\x03\x01binary",
        &["rule 2", "no more HTTP/1 on this connection", "Another protocol: 9 bytes from byte 58"],
    );
    assert_says(
        b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\nHTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        &["request 2: bytes", "In all: 2 requests, 1 response."],
    );
    assert_says(
        b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x05hello",
        &["147 ends here: a 101 response", "Another protocol: 7 bytes from byte 147"],
    );
    assert_says(b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n\x16\x03", &["if the answer hands the connection over"]);
}

#[test]
fn bytes_after_the_last_message_are_left_over() {
    assert_says(
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
        &[
            "no further request: the request says close (RFC 9112 section 9.6)",
            "Left over: 28 bytes from byte 46",
            "`tail -c +47 FILE | tenure explain -`",
            "1 problem",
        ],
    );
}

#[test]
fn more_requests_than_the_core_keeps_are_still_answered_in_order() {
    let mut bytes = Vec::new();
    for i in 1..=40 {
        let method = if i == 39 { "HEAD" } else { "GET" };
        bytes.extend_from_slice(format!("{method} /{i} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
    }
    for _ in 1..=39 {
        bytes.extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n");
        bytes.push(b'x');
    }
    // The answer to HEAD has no content.
    bytes.pop();
    bytes.extend_from_slice(b"HTTP/1.1 204 No Content\r\n\r\n");
    let text = text_of(&bytes);
    assert!(text.contains("response 39 to request 39 (HEAD /39)"), "{text}");
    assert!(text.contains("response 40 to request 40 (GET /40)"), "{text}");
    assert!(text.ends_with("In all: 40 requests, 40 responses."), "{text}");
}

#[test]
fn many_chunks_are_summed_up() {
    let mut bytes = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    (0..100).for_each(|_| bytes.extend_from_slice(b"1;q=\"a b\"\r\nx\r\n"));
    bytes.extend_from_slice(b"0;last\r\n\r\n");
    let (page, problems) = page_of(&bytes, &[]);
    assert_eq!(page.matches("chunk of 1 byte: \"x\" (extension q=\"a b\")").count(), 6, "{page}");
    assert!(page.contains("... 94 more chunks") && page.contains("last chunk (size 0) (extension last)"), "{page}");
    assert!(flat(&page).contains("100 bytes of content") && problems == 0, "{page}");
}

#[test]
fn nothing_from_the_input_reaches_the_terminal_raw() {
    let content = "\x1b[31m\u{9b}\u{7}".repeat(3);
    let bytes =
        format!("HTTP/1.1 200 OK\r\nConnection: \u{9b}2J\r\nContent-Length: {}\r\n\r\n{content}", content.len());
    let (page, _) = page_of(bytes.as_bytes(), &[]);
    assert!(page.chars().all(|c| c == '\n' || !c.is_control()), "{page:?}");
}

#[test]
fn colour_is_only_added_when_asked_for() {
    let bytes = include_bytes!("../../tests/data/explain/pipelined.http");
    let page = |bytes: &[u8], color| {
        let mut out = Vec::new();
        explain("capture", bytes, &[], &mut out, color).unwrap();
        String::from_utf8(out).unwrap()
    };
    let both = [&bytes[..], include_bytes!("../../tests/data/explain/continue.http")];
    let coloured = both.map(|bytes| page(bytes, true)).concat();
    let mut plain = coloured.clone();
    for code in ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[1;31m"] {
        assert!(coloured.contains(code), "{code:?}");
        plain = plain.replace(code, "");
    }
    assert_eq!(plain, both.map(|bytes| page(bytes, false)).concat());
}

/// One connection with these bytes, in pieces of `piece` bytes.
fn wire_log(sent: &[u8], received: &[u8], piece: usize, end: &str) -> Vec<u8> {
    let (log, now) = (WireLog::new(Vec::new()).unwrap(), Duration::from_millis(5));
    for (direction, bytes) in [(Direction::Sent, sent), (Direction::Received, received)] {
        bytes.chunks(piece).for_each(|bytes| log.record(1, direction, now, bytes));
    }
    log.event(1, now, end);
    log.event(1, now, FIN_SENT);
    log.into_inner()
}

#[test]
fn a_log_reads_the_same_in_pieces_of_any_size() {
    let pipelined = include_bytes!("../../tests/data/explain/pipelined.http");
    let (sent, received) = (&pipelined[..213], &pipelined[213..355]);
    let odd = b"\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3 ;a\r\n";
    let folded = b"HTTP/1.1 200 OK\r\nConnection:\r\n close\r\n\r\nall the rest";
    let cases =
        [(sent, received), (&odd[..], &folded[..]), (sent, &folded[..]), (&pipelined[165..213], &received[..20])];
    for (sent, received) in cases {
        // Without the first line, which gives the length of the log.
        let page = |piece| {
            let page = page_of(&wire_log(sent, received, piece, FIN_RECEIVED), &[]).0;
            page.split_once('\n').map(|(_, page)| page.to_owned())
        };
        let whole = page(usize::MAX);
        for piece in 1..sent.len() {
            assert_eq!(page(piece), whole, "pieces of {piece}");
        }
    }
}

/// Sent, received, how it ends, problems, sentences.
type Ending<'a> = (&'a [u8], &'a [u8], &'a str, u64, &'a [&'a str]);

#[test]
fn a_log_tells_who_closed_and_what_that_means() {
    let get = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let post = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let close = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let until_close = b"HTTP/1.1 200 OK\r\n\r\nsome";
    let cases: [Ending<'_>; 8] = [
        (get, ok, FIN_RECEIVED, 0, &["between two messages", "closes its side (FIN), after byte 38"]),
        (get, close, FIN_RECEIVED, 0, &["as announced: every response was whole"]),
        (get, until_close, FIN_RECEIVED, 0, &["it ends the response under way", "23 ends here", "rule 8"]),
        (get, until_close, RESET_RECEIVED, 1, &["cut off by the reset", "In all: 1 request, 1 problem"]),
        (get, b"", FIN_RECEIVED, 1, &["No response to request 1", "GET is idempotent"]),
        (post, b"", RESET_RECEIVED, 1, &["the server resets", "POST is not idempotent"]),
        (
            get,
            &ok[..20],
            FIN_RECEIVED,
            1,
            &["before every response was whole", "cut off inside the head", "is incomplete"],
        ),
        (&post[..20], b"", FIN_RECEIVED, 1, &["cut off inside the head", "the server must not take it for whole"]),
    ];
    for (sent, received, end, problems, sentences) in cases {
        let (page, found) = page_of(&wire_log(sent, received, 9, end), &[]);
        for sentence in sentences {
            assert!(flat(&page).contains(sentence), "no {sentence:?} in:\n{page}");
        }
        assert_eq!(found, problems, "{page}");
    }
}

#[test]
fn a_log_counts_what_is_read_by_nobody() {
    let close = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let sent = [&close[..], b"GET /more HTTP/1.1\r\n"].concat();
    for piece in [1, 7, 46, 1000] {
        let (page, _) = page_of(&wire_log(&sent, b"", piece, FIN_RECEIVED), &[]);
        assert!(flat(&page).contains("From byte 46 on 20 bytes from the client are read by nobody"), "{page}");
    }
    let upgrade = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n";
    let switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello";
    let (log, now) = (WireLog::new(Vec::new()).unwrap(), Duration::ZERO);
    log.record(1, Direction::Sent, now, upgrade);
    log.record(1, Direction::Received, now, switch);
    log.record(1, Direction::Sent, now, b"no HTTP\n");
    log.event(1, now, FIN_RECEIVED);
    let (page, problems) = page_of(&log.into_inner(), &[]);
    assert!(flat(&page).contains("From byte 60 on 8 bytes from the client are another protocol's."), "{page}");
    assert!(flat(&page).contains("From byte 69 on 5 bytes from the server are another protocol's."), "{page}");
    assert_eq!(problems, 0, "{page}");
}

#[test]
fn a_log_that_is_cut_short_is_a_problem() {
    let log = wire_log(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"", 100, FIN_RECEIVED);
    let cut = &log[..50];
    let (page, problems) = page_of(cut, &[]);
    assert_eq!(problems, 2, "{page}");
    assert!(flat(&page).contains("The log ends inside a record"), "{page}");
}

#[tokio::test]
async fn three_live_uploads_are_explained() {
    let live = super::live::three_uploads().await.unwrap();
    let mut out = Vec::new();
    assert_eq!(super::explain_live(&live, &mut out, false).unwrap(), 0);
    let page = flat(&String::from_utf8(out).unwrap());
    for sentence in [
        "> request 1: bytes 0 to ",
        "Content-Length counts 37 bytes from byte",
        "last chunk (size 0)",
        "trailer Lines: 3",
        "no further request: the request says close (RFC 9112 section 9.6)",
        "< response 3 to request 3 (POST /in/third.txt)",
        "the server closes its side (FIN)",
        "as announced",
        "the client closes its side (FIN)",
        "In all: 3 requests, 3 responses.",
    ] {
        assert!(page.contains(sentence), "no {sentence:?} in:\n{page}");
    }
}

/// xorshift64*: the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below
    }
}

#[test]
fn damaged_and_random_bytes_never_panic() {
    let captures: [&[u8]; 5] = [
        include_bytes!("../../tests/data/explain/pipelined.http"),
        include_bytes!("../../tests/data/explain/responses.http"),
        include_bytes!("../../tests/data/explain/http10.http"),
        include_bytes!("../../tests/data/explain/continue.http"),
        include_bytes!("../../tests/data/explain/four-endings.wire"),
    ];
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..4_000 {
        let mut bytes = captures[round % captures.len()].to_vec();
        for _ in 0..=random.next(4) {
            let (from, to) = (random.next(bytes.len()), random.next(bytes.len()));
            match random.next(5) {
                0 => bytes[from] = random.next(256) as u8,
                1 => bytes[from] = b"\r\n :;,0919aHT/"[random.next(14)],
                2 => drop(bytes.drain(from.min(to)..from.max(to))),
                3 => bytes.truncate(from + 1),
                _ => {
                    let part = bytes[from.min(to)..from.max(to)].to_vec();
                    bytes.splice(to..to, part);
                }
            }
            if bytes.is_empty() {
                bytes.push(b'G');
            }
        }
        // A damaged log may be refused; nothing may panic, and everything printed is clean.
        let mut out = Vec::new();
        let _ = explain("capture", &bytes, &[], &mut out, false);
        let page = String::from_utf8(out).unwrap();
        assert!(page.chars().all(|c| c == '\n' || !c.is_control()), "{page:?}");
    }
    for _ in 0..500 {
        let bytes: Vec<u8> = (0..random.next(200) + 1).map(|_| random.next(256) as u8).collect();
        let (page, problems) = page_of(&bytes, &[]);
        assert!(problems > 0 || bytes.starts_with(b"\r\n"), "{page}");
    }
}
