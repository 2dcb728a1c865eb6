//! Persistence (RFC 9112 section 9.3): every combination of version, connection options, framing
//! and role, through bytes, against a table written by hand; and each mistake that was found in
//! other implementations as a case of its own.

use std::sync::Arc;

use http::StatusCode;
use tenure_proto::{Client, Config, Connection, ConnectionOptions, Directive, Event, RequestLine, Server, Version};
use tenure_testkit::clock::Clock;

/// The rule of section 9.3, spelt out: version, says close, says keep-alive, the recipient honours
/// HTTP/1.0 keep-alive; what becomes of the connection if the message's length is its own.
#[rustfmt::skip]
const TABLE: [(&str, bool, bool, bool, &str); 16] = [
    ("HTTP/1.1", false, false, false, "persists"),
    ("HTTP/1.1", false, false, true,  "persists"),
    ("HTTP/1.1", false, true,  false, "persists"),
    ("HTTP/1.1", false, true,  true,  "persists"),
    ("HTTP/1.1", true,  false, false, "close-option"),
    ("HTTP/1.1", true,  false, true,  "close-option"),
    ("HTTP/1.1", true,  true,  false, "close-option"),
    ("HTTP/1.1", true,  true,  true,  "close-option"),
    ("HTTP/1.0", false, false, false, "http-1.0"),
    ("HTTP/1.0", false, false, true,  "http-1.0"),
    ("HTTP/1.0", false, true,  false, "http-1.0"),
    ("HTTP/1.0", false, true,  true,  "persists"),
    ("HTTP/1.0", true,  false, false, "close-option"),
    ("HTTP/1.0", true,  false, true,  "close-option"),
    ("HTTP/1.0", true,  true,  false, "close-option"),
    ("HTTP/1.0", true,  true,  true,  "close-option"),
];

/// `Connection` field lines, and whether they say close and keep-alive.
#[rustfmt::skip]
const OPTIONS: [(&[&str], bool, bool); 28] = [
    (&[], false, false),
    (&[""], false, false),
    (&["te"], false, false),
    (&["upgrade"], false, false),
    (&["hello"], false, false),
    (&["closed, xclose", "keep-alives", "keep", "alive"], false, false),
    (&["close"], true, false),
    (&["Close"], true, false),
    (&["CLOSE"], true, false),
    (&["close, te"], true, false),
    (&["te,close"], true, false),
    (&["te", "upgrade, \tclose\t"], true, false),
    (&[",,close,"], true, false),
    (&["close", "close"], true, false),
    (&["keep-alive"], false, true),
    (&["Keep-Alive"], false, true),
    (&["KEEP-ALIVE"], false, true),
    (&["keep-alive, te"], false, true),
    (&["te , Keep-Alive"], false, true),
    (&["te", "keep-alive"], false, true),
    (&["upgrade", "", "te, keep-alive"], false, true),
    (&["keep-alive", "keep-alive"], false, true),
    (&["close, keep-alive"], true, true),
    (&["keep-alive, close"], true, true),
    (&["close", "keep-alive"], true, true),
    (&["keep-alive", "close"], true, true),
    (&["Keep-Alive, te", "upgrade, Close"], true, true),
    (&["te, close, upgrade", "keep-alive"], true, true),
];

type Versions = &'static [&'static str];
type Answer = (&'static str, &'static str, &'static str, &'static str, Versions, Option<&'static str>);

/// Framing fields of a request, its content, and the versions that may have it.
const REQUEST_FRAMING: [(&str, &str, Versions); 4] = [
    ("", "", &["HTTP/1.0", "HTTP/1.1"]),
    ("Content-Length: 0\r\n", "", &["HTTP/1.0", "HTTP/1.1"]),
    ("Content-Length: 2\r\n", "hi", &["HTTP/1.0", "HTTP/1.1"]),
    ("Transfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\n\r\n", &["HTTP/1.1"]),
];

/// Request method; status, framing fields and content of the response; its versions; and the reason
/// that the framing itself gives to close.
#[rustfmt::skip]
const RESPONSE_FRAMING: [Answer; 11] = [
    ("GET",  "200 OK", "Content-Length: 0\r\n", "", &["HTTP/1.0", "HTTP/1.1"], None),
    ("GET",  "200 OK", "Content-Length: 2\r\n", "hi", &["HTTP/1.0", "HTTP/1.1"], None),
    ("GET",  "200 OK", "Transfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\n\r\n", &["HTTP/1.1"], None),
    ("GET",  "204 No Content", "", "", &["HTTP/1.0", "HTTP/1.1"], None),
    ("GET",  "304 Not Modified", "Content-Length: 2\r\n", "", &["HTTP/1.0", "HTTP/1.1"], None),
    ("HEAD", "200 OK", "", "", &["HTTP/1.0", "HTTP/1.1"], None),
    ("HEAD", "200 OK", "Content-Length: 2\r\n", "", &["HTTP/1.0", "HTTP/1.1"], None),
    ("GET",  "200 OK", "", "hi", &["HTTP/1.0", "HTTP/1.1"], Some("close-delimited")),
    ("GET",  "200 OK", "Transfer-Encoding: gzip\r\n", "hi", &["HTTP/1.1"], Some("close-delimited")),
    ("GET",  "200 OK", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\n\r\n", &["HTTP/1.1"], Some("faulty-framing")),
    ("GET",  "200 OK", "Transfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\n\r\n", &["HTTP/1.0"], Some("faulty-framing")),
];

/// What the table says of one message.
fn expected(version: &str, close: bool, keep_alive: bool, honoured: bool) -> &'static str {
    let row = TABLE.iter().find(|row| (row.0, row.1, row.2, row.3) == (version, close, keep_alive, honoured));
    row.expect("the table has every row").4
}

fn connection_lines(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("Connection: {line}\r\n")).collect()
}

/// What became of the connection.
fn outcome(directive: Directive) -> &'static str {
    directive.reason().map_or("persists", |why| why.name())
}

fn config(honoured: bool) -> Arc<Config> {
    Arc::new(Config { http10_keep_alive: honoured, ..Config::default() })
}

/// Gives a server this request and answers it.
fn serve(honoured: bool, request: &str) -> (&'static str, String) {
    let now = Clock::new().now();
    let mut connection = Connection::<Server>::new(config(honoured));
    let (mut input, mut out) = (request.as_bytes(), Vec::new());
    loop {
        let (used, event) = connection.receive(input, now).unwrap_or_else(|e| panic!("{e}: {request:?}"));
        input = &input[used..];
        match event {
            Event::NeedInput => panic!("not a whole request: {request:?}"),
            Event::Paused => break,
            _ => {}
        }
    }
    connection.send_head(StatusCode::OK, [], Some(0), &mut out).expect("a response is due");
    connection.send_end([], &mut out).expect("it has no content");
    (outcome(connection.directive()), String::from_utf8(out).expect("text"))
}

/// Has a client send `method` and gives it this response, and the close if it waits for that.
fn ask(honoured: bool, method: &str, says_close: bool, response: &str) -> &'static str {
    let now = Clock::new().now();
    let mut connection = Connection::<Client>::new(config(honoured));
    let fields = says_close.then_some((&b"connection"[..], &b"close"[..]));
    let line = RequestLine { method, target: "/", version: Version::Http11 };
    connection.send_head(line, fields, Some(0), &mut Vec::new()).expect("it can be sent");
    connection.send_end([], &mut Vec::new()).expect("it has no content");
    let mut input = response.as_bytes();
    loop {
        let (used, event) = connection.receive(input, now).unwrap_or_else(|e| panic!("{e}: {response:?}"));
        input = &input[used..];
        match event {
            Event::End(_) => return outcome(connection.directive()),
            Event::NeedInput => {
                assert!(matches!(connection.receive_eof(), Ok(Event::End(_))), "{response:?}");
                return outcome(connection.directive());
            }
            _ => {}
        }
    }
}

#[test]
fn every_request() {
    let mut rows = 0;
    for (lines, close, keep_alive) in OPTIONS {
        for (fields, content, versions) in REQUEST_FRAMING {
            for (&version, honoured) in versions.iter().flat_map(|v| [(v, false), (v, true)]) {
                let options = connection_lines(lines);
                let request = format!("POST / {version}\r\nHost: a\r\n{options}{fields}\r\n{content}");
                let expected = expected(version, close, keep_alive, honoured);
                let (became, response) = serve(honoured, &request);
                assert_eq!(became, expected, "honoured: {honoured}, {request:?}");
                // RFC 9112 section 9.6: the last response says so; HTTP/1.0 hears that it persists.
                let response = response.to_ascii_lowercase();
                let says = response.lines().find_map(|l| l.strip_prefix("connection: "));
                let should_say = match (expected, version) {
                    ("persists", "HTTP/1.1") => None,
                    ("persists", _) => Some("keep-alive"),
                    _ => Some("close"),
                };
                assert_eq!(says, should_say, "honoured: {honoured}, {request:?}");
                rows += 1;
            }
        }
    }
    assert_eq!(rows, 28 * (2 + 2 + 2 + 1) * 2);
}

#[test]
fn every_response() {
    let mut rows = 0;
    for (lines, close, keep_alive) in OPTIONS {
        for (method, status, fields, content, versions, by_framing) in RESPONSE_FRAMING {
            for (&version, honoured) in versions.iter().flat_map(|v| [(v, false), (v, true)]) {
                let options = connection_lines(lines);
                let response = format!("{version} {status}\r\n{options}{fields}\r\n{content}");
                let by_table = expected(version, close, keep_alive, honoured);
                let expected = if by_table == "persists" { by_framing.unwrap_or(by_table) } else { by_table };
                assert_eq!(ask(honoured, method, false, &response), expected, "honoured: {honoured}, {response:?}");
                // A client that said close closes, whatever the response says, and for its own reason.
                assert_eq!(ask(honoured, method, true, &response), "last-message", "{response:?}");
                rows += 1;
            }
        }
    }
    let versions: usize = RESPONSE_FRAMING.iter().map(|row| row.4.len()).sum();
    assert_eq!(rows, 28 * versions * 2);
}

#[test]
fn the_pure_function_agrees_with_the_table() {
    for (version, close, keep_alive, honoured, expected) in TABLE {
        let version = if version == "HTTP/1.1" { Version::Http11 } else { Version::Http10 };
        for upgrade in [false, true] {
            let options = ConnectionOptions { close, keep_alive, upgrade };
            let became = match tenure_proto::Persistence::of(version, options, honoured) {
                tenure_proto::Persistence::Persist => "persists",
                tenure_proto::Persistence::Close(why) => why.name(),
            };
            assert_eq!(became, expected, "{version} {options:?} {honoured}");
        }
    }
}

#[test]
fn options_are_whole_tokens_of_all_lines() {
    for (lines, close, keep_alive) in OPTIONS {
        let mut options = ConnectionOptions::default();
        for line in lines {
            options.add(line.as_bytes());
        }
        assert_eq!((options.close, options.keep_alive), (close, keep_alive), "{lines:?}");
    }
}

/// The mistakes that were found in other implementations, each by the bytes that show it. (One more,
/// httpcore's miscount of idle connections, is a pool's and no connection's.)
mod elsewhere {
    use super::{ask, serve};

    /// hyper: one flag is version default and decision so far, so the last line wins.
    #[test]
    fn a_line_close_and_then_a_line_keep_alive() {
        let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n";
        assert_eq!(serve(true, request).0, "close-option");
        let response = "HTTP/1.1 200 OK\r\nConnection: close\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(ask(true, "GET", false, response), "close-option");
    }

    /// pingora: reads the first `Connection` line only.
    #[test]
    fn close_on_the_second_line() {
        let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: te\r\nConnection: close\r\n\r\n";
        assert_eq!(serve(true, request).0, "close-option");
    }

    /// pingora: a list of several options never records keep-alive.
    #[test]
    fn keep_alive_in_a_list() {
        let request = "GET / HTTP/1.0\r\nHost: a\r\nConnection: te, keep-alive\r\n\r\n";
        assert_eq!(serve(true, request).0, "persists");
    }

    /// pingora: the parameters of `Keep-Alive` are not read.
    #[test]
    fn keep_alive_parameters() {
        let response = b"HTTP/1.1 200 OK\r\nKeep-Alive: max=7, timeout=5\r\nContent-Length: 0\r\n\r\n";
        let events = tenure_testkit::fixture::responses(&tenure_proto::Config::default(), &["GET"], &[response]);
        assert_eq!(events[0], "head HTTP/1.1 200 OK, length 0 (rule 6), keep-alive timeout=5 max=7");
    }

    /// ureq-proto: compares the whole value, with case.
    #[test]
    fn close_with_a_capital_or_in_a_list() {
        for value in ["Close", "close, TE"] {
            let response = format!("HTTP/1.1 200 OK\r\nConnection: {value}\r\nContent-Length: 0\r\n\r\n");
            assert_eq!(ask(true, "GET", false, &response), "close-option");
        }
    }

    /// ureq-proto: such a response gives no reason to close.
    #[test]
    fn an_http10_response_with_a_length_and_without_keep_alive() {
        let response = "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi";
        assert_eq!(ask(true, "GET", false, response), "http-1.0");
    }

    /// uWebSockets: any value of five characters counts as close, and a list does not.
    #[test]
    fn five_characters_are_not_close() {
        assert_eq!(serve(true, "GET / HTTP/1.1\r\nHost: a\r\nConnection: hello\r\n\r\n").0, "persists");
        assert_eq!(serve(true, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, TE\r\n\r\n").0, "close-option");
    }

    /// h11: never persists with HTTP/1.0, and says so; this core must.
    #[test]
    fn http10_persists_when_both_sides_ask() {
        let (became, response) = serve(true, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        assert_eq!(became, "persists");
        assert!(response.to_ascii_lowercase().contains("\r\nconnection: keep-alive\r\n"), "{response}");
        let response = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi";
        assert_eq!(ask(true, "GET", false, response), "persists");
    }

    /// Older copies of Go's net/http: the value is not split at commas.
    #[test]
    fn options_are_split_at_commas() {
        assert_eq!(serve(true, "GET / HTTP/1.1\r\nHost: a\r\nConnection: te,close\r\n\r\n").0, "close-option");
        assert_eq!(serve(true, "GET / HTTP/1.1\r\nHost: a\r\nConnection: te,closer\r\n\r\n").0, "persists");
    }

    /// llhttp has it right: a message that needs the close cannot persist, whatever it says.
    #[test]
    fn a_message_that_ends_with_the_connection() {
        let response = "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\nhi";
        assert_eq!(ask(true, "GET", false, response), "close-delimited");
    }
}
