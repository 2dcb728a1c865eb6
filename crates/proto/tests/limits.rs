//! Every limit one below, at and one above: by its default, and by another value; given whole and
//! byte by byte.

use tenure_proto::{Config, Limits, MisuseError};
use tenure_testkit::fixture::{requests, responses};
use tenure_testkit::pair::{EMPTY, Pair};

/// What became of one input.
#[derive(PartialEq, Eq, Debug)]
enum Outcome {
    Accepted,
    Refused(String),
}

/// The outcome, which must be the same however the bytes arrive.
fn outcome(run: impl Fn(&[&[u8]]) -> Vec<String>, input: &[u8]) -> Outcome {
    let whole = run(&[input]);
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(run(&bytes), whole, "whole and byte by byte");
    let pieces: Vec<&[u8]> = input.chunks(1021).collect();
    assert_eq!(run(&pieces), whole, "whole and in pieces");
    let last = whole.last().expect("events");
    match last.strip_prefix("error ") {
        Some(error) => Outcome::Refused(error.to_owned()),
        None => Outcome::Accepted,
    }
}

fn refused(error: impl Into<String>) -> Outcome {
    Outcome::Refused(error.into())
}

fn server(set: impl FnOnce(&mut Limits), input: &[u8]) -> Outcome {
    let mut config = Config::default();
    set(&mut config.limits);
    outcome(|pieces| requests(&config, pieces), input)
}

fn client(set: impl FnOnce(&mut Limits), input: &[u8]) -> Outcome {
    let mut config = Config::default();
    set(&mut config.limits);
    outcome(|pieces| responses(&config, &["GET"], pieces), input)
}

#[test]
fn start_line() {
    let request = |len: usize| {
        let line = format!("GET /{} HTTP/1.1", "a".repeat(len - "GET / HTTP/1.1".len()));
        assert_eq!(line.len(), len);
        format!("{line}\r\nHost: a\r\n\r\n").into_bytes()
    };
    let response = |len: usize| {
        let line = format!("HTTP/1.1 200 {}", "a".repeat(len - "HTTP/1.1 200 ".len()));
        format!("{line}\r\nContent-Length: 0\r\n\r\n").into_bytes()
    };
    for limit in [Limits::default().start_line, 100] {
        let set = |limits: &mut Limits| limits.start_line = limit;
        for accepted in [limit - 1, limit] {
            assert_eq!(server(set, &request(accepted)), Outcome::Accepted);
            assert_eq!(client(set, &response(accepted)), Outcome::Accepted);
        }
        let error = format!("request-line-too-long at {limit}");
        assert_eq!(server(set, &request(limit + 1)), refused(format!("414 {error}")));
        assert_eq!(client(set, &response(limit + 1)), refused(error));
    }
    // RFC 9112 section 3: at least 8000 are recommended.
    assert_eq!(Limits::default().start_line, 8192);
}

#[test]
fn head() {
    let request = |len: usize| {
        let rest = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n".len();
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(len - rest));
        assert_eq!(head.len(), len);
        head.into_bytes()
    };
    let response = |len: usize| {
        let rest = "HTTP/1.1 204 No Content\r\nX: \r\n\r\n".len();
        format!("HTTP/1.1 204 No Content\r\nX: {}\r\n\r\n", "a".repeat(len - rest)).into_bytes()
    };
    for limit in [Limits::default().head, 200] {
        let set = |limits: &mut Limits| limits.head = limit;
        for accepted in [limit - 1, limit] {
            assert_eq!(server(set, &request(accepted)), Outcome::Accepted);
            assert_eq!(client(set, &response(accepted)), Outcome::Accepted);
        }
        let error = format!("head-too-large at {limit}");
        assert_eq!(server(set, &request(limit + 1)), refused(format!("431 {error}")));
        assert_eq!(client(set, &response(limit + 1)), refused(error));
    }
    assert_eq!(Limits::default().head, 65_536);
}

/// Where the limit is only the empty line may end, so what such a line says is not looked at.
#[test]
fn a_field_line_that_ends_where_the_head_may_is_too_large_whatever_it_says() {
    let head = "GET / HTTP/1.1\r\nHost: a,b\r\n";
    let at = |limit: usize| server(|limits| limits.head = limit, format!("{head}\r\n").as_bytes());
    assert_eq!(at(head.len()), refused(format!("431 head-too-large at {}", head.len())));
    assert_eq!(at(head.len() + 1), refused("400 bad-host at 21"));
}

#[test]
fn fields() {
    let request = |n: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(n - 1)).into_bytes();
    let response = |n: usize| format!("HTTP/1.1 204 No Content\r\n{}\r\n", "X: y\r\n".repeat(n)).into_bytes();
    for limit in [Limits::default().fields, 1, 3] {
        let set = |limits: &mut Limits| limits.fields = limit;
        for accepted in [(limit - 1).max(1), limit] {
            assert_eq!(server(set, &request(accepted)), Outcome::Accepted);
            assert_eq!(client(set, &response(accepted)), Outcome::Accepted);
        }
        let at = request(limit).len() - 2;
        assert_eq!(server(set, &request(limit + 1)), refused(format!("431 too-many-fields at {at}")));
        let at = response(limit).len() - 2;
        assert_eq!(client(set, &response(limit + 1)), refused(format!("too-many-fields at {at}")));
    }
    assert_eq!(Limits::default().fields, 100);
}

/// The head of a chunked request, or response.
const CHUNKED: [&str; 2] = [
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
];

#[test]
fn trailers() {
    let message = |head: &str, len: usize| {
        let section = format!("X: {}\r\n\r\n", "a".repeat(len - "X: \r\n\r\n".len()));
        assert_eq!(section.len(), len);
        format!("{head}0\r\n{section}").into_bytes()
    };
    for limit in [Limits::default().trailers, 50] {
        let set = |limits: &mut Limits| limits.trailers = limit;
        for accepted in [limit - 1, limit] {
            assert_eq!(server(set, &message(CHUNKED[0], accepted)), Outcome::Accepted);
            assert_eq!(client(set, &message(CHUNKED[1], accepted)), Outcome::Accepted);
        }
        let at = |head: &str| head.len() + "0\r\n".len() + limit;
        let error = format!("431 trailers-too-large at {}", at(CHUNKED[0]));
        assert_eq!(server(set, &message(CHUNKED[0], limit + 1)), refused(error));
        let error = format!("trailers-too-large at {}", at(CHUNKED[1]));
        assert_eq!(client(set, &message(CHUNKED[1], limit + 1)), refused(error));
    }
    assert_eq!(Limits::default().trailers, 8192);
}

#[test]
fn trailer_fields_are_counted_apart_from_the_heads() {
    let message = |n: usize| format!("{}0\r\n{}\r\n", CHUNKED[0], "X: y\r\n".repeat(n)).into_bytes();
    let limit = Limits::default().fields;
    for accepted in [limit - 1, limit] {
        assert_eq!(server(|_| {}, &message(accepted)), Outcome::Accepted);
    }
    let at = message(limit).len() - 2;
    assert_eq!(server(|_| {}, &message(limit + 1)), refused(format!("431 too-many-fields at {at}")));
}

#[test]
fn chunk_extensions() {
    // `;` and a name, on the first chunk alone, and spread over many chunks.
    let one = |head: &str, len: usize| format!("{head}1;{}\r\nx\r\n0\r\n\r\n", "a".repeat(len - 1)).into_bytes();
    let many = |head: &str, len: usize| {
        let chunks = "1;a\r\nx\r\n".repeat(len / 2) + if len % 2 == 1 { "1 ;a\r\nx\r\n" } else { "" };
        // The odd one has three bytes where two would be even.
        let chunks = if len % 2 == 1 { chunks.replacen("1;a\r\nx\r\n", "", 1) } else { chunks };
        format!("{head}{chunks}0\r\n\r\n").into_bytes()
    };
    for limit in [Limits::default().chunk_extensions, 10] {
        let set = |limits: &mut Limits| limits.chunk_extensions = limit;
        for accepted in [limit - 1, limit] {
            assert_eq!(server(set, &one(CHUNKED[0], accepted)), Outcome::Accepted);
            assert_eq!(client(set, &one(CHUNKED[1], accepted)), Outcome::Accepted);
            assert_eq!(server(set, &many(CHUNKED[0], accepted)), Outcome::Accepted);
        }
        let at = |head: &str| head.len() + 1 + limit;
        let error = format!("400 chunk-extensions-too-large at {}", at(CHUNKED[0]));
        assert_eq!(server(set, &one(CHUNKED[0], limit + 1)), refused(error));
        let error = format!("chunk-extensions-too-large at {}", at(CHUNKED[1]));
        assert_eq!(client(set, &one(CHUNKED[1], limit + 1)), refused(error));
        let Outcome::Refused(error) = server(set, &many(CHUNKED[0], limit + 1)) else { panic!("accepted") };
        assert!(error.starts_with("400 chunk-extensions-too-large at "), "{error}");
    }
    assert_eq!(Limits::default().chunk_extensions, 16_384);
}

#[test]
fn extensions_of_one_message_do_not_count_for_the_next() {
    let message = format!("{}1;abcdefg\r\nx\r\n0\r\n\r\n", CHUNKED[0]).repeat(3);
    assert_eq!(server(|limits| limits.chunk_extensions = 8, message.as_bytes()), Outcome::Accepted);
}

#[test]
fn content() {
    let limit = 10;
    let set = |limits: &mut Limits| limits.content = limit as u64;
    let length = |n: usize| format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {n}\r\n\r\n{}", "x".repeat(n));
    let chunked = |n: usize| format!("{}{:x}\r\n{}\r\n1\r\nx\r\n0\r\n\r\n", CHUNKED[0], n - 1, "x".repeat(n - 1));
    let answer = |n: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {n}\r\n\r\n{}", "x".repeat(n));
    let until_close = |n: usize| format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(n));
    for accepted in [limit - 1, limit] {
        assert_eq!(server(set, length(accepted).as_bytes()), Outcome::Accepted);
        assert_eq!(server(set, chunked(accepted).as_bytes()), Outcome::Accepted);
        assert_eq!(client(set, answer(accepted).as_bytes()), Outcome::Accepted);
        assert_eq!(client(set, until_close(accepted).as_bytes()), Outcome::Accepted);
    }
    let refused_as = |outcome: Outcome, error: &str| match outcome {
        Outcome::Refused(text) => assert!(text.starts_with(error), "{text}"),
        Outcome::Accepted => panic!("accepted"),
    };
    refused_as(server(set, length(limit + 1).as_bytes()), "413 content-too-large");
    refused_as(server(set, chunked(limit + 1).as_bytes()), "413 content-too-large");
    refused_as(client(set, answer(limit + 1).as_bytes()), "content-too-large");
    assert_eq!(Limits::default().content, u64::MAX);
}

#[test]
fn content_until_the_close() {
    let mut config = Config::default();
    config.limits.content = 10;
    let response = b"HTTP/1.1 200 OK\r\n\r\n12345678901";
    let expected =
        ["head HTTP/1.1 200 OK, until close (rule 8)", "content \"1234567890\"", "error content-too-large at 29"];
    assert_eq!(responses(&config, &["GET"], &[response]), expected);
    assert_eq!(responses(&config, &["GET"], &response.chunks(1).collect::<Vec<_>>()), expected);
}

#[test]
fn empty_lines() {
    let request = |n: usize| format!("{}GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n".repeat(n)).into_bytes();
    for limit in [Limits::default().empty_lines, 0, 1, 255] {
        let set = |limits: &mut Limits| limits.empty_lines = limit;
        let n = usize::from(limit);
        for accepted in [n.saturating_sub(1), n] {
            assert_eq!(server(set, &request(accepted)), Outcome::Accepted);
        }
        assert_eq!(server(set, &request(n + 1)), refused(format!("400 empty-lines at {}", 2 * n)));
    }
    assert_eq!(Limits::default().empty_lines, 4);
}

#[test]
fn interim() {
    let response =
        |n: usize| format!("{}HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 103 \r\n\r\n".repeat(n)).into_bytes();
    for limit in [Limits::default().interim, 0, 1, 255] {
        let set = |limits: &mut Limits| limits.interim = limit;
        let n = usize::from(limit);
        for accepted in [n.saturating_sub(1), n] {
            assert_eq!(client(set, &response(accepted)), Outcome::Accepted);
        }
        assert_eq!(client(set, &response(n + 1)), refused(format!("too-many-interim at {}", 17 * n)));
    }
    assert_eq!(Limits::default().interim, 32);
}

#[test]
fn outstanding() {
    for limit in [1, 2, 16, 17, 254, 255] {
        let mut config = Config::default();
        config.limits.outstanding = limit;
        let mut pair = Pair::new(config, Config::default());
        for _ in 0..limit {
            pair.client.request("GET", "/", &[], EMPTY).expect("there is room");
        }
        assert_eq!(pair.client.request("GET", "/", &[], EMPTY), Err(MisuseError::PipelineFull));
    }
    assert_eq!(Limits::default().outstanding, 1);
}

#[test]
fn a_limit_of_no_outstanding_request_still_lets_one_through() {
    let mut config = Config::default();
    config.limits.outstanding = 0;
    let mut pair = Pair::new(config, Config::default());
    pair.client.request("GET", "/", &[], EMPTY).expect("there is room");
    assert_eq!(pair.client.request("GET", "/", &[], EMPTY), Err(MisuseError::PipelineFull));
}

#[test]
fn chunk_sizes_have_at_most_sixteen_digits() {
    for (digits, accepted) in [(15, true), (16, true), (17, false)] {
        let size = format!("{:0>digits$}", 2);
        let outcome = server(|_| {}, format!("{}{size}\r\nhi\r\n0\r\n\r\n", CHUNKED[0]).as_bytes());
        assert_eq!(outcome == Outcome::Accepted, accepted, "{digits} digits: {outcome:?}");
    }
}

#[test]
fn numbers_end_at_two_to_the_sixty_fourth() {
    let head = |length: &str| format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    for accepted in ["18446744073709551614", "18446744073709551615", "00018446744073709551615"] {
        assert_eq!(server(|_| {}, head(accepted).as_bytes()), Outcome::Accepted);
    }
    for refused in ["18446744073709551616", "99999999999999999999", "340282366920938463463374607431768211456"] {
        assert!(
            matches!(server(|_| {}, head(refused).as_bytes()), Outcome::Refused(e) if e.contains("bad-content-length"))
        );
    }
}
