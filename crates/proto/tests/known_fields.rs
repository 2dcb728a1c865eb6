//! Fields that came before: the outcome is what it is without them, for whatever follows one another.

use std::sync::Arc;
use std::time::Instant;

use tenure_proto::{Client, Config, Connection, Event, KnownFields, Limits, RequestLine, Role, Server, Version};

/// What a head says, or why it is none.
fn outcome<R: Role>(
    connection: &mut Connection<R>,
    head: &str,
    now: Instant,
    known: Option<&mut KnownFields>,
) -> String {
    let step = match known {
        Some(known) => connection.receive_knowing(head.as_bytes(), now, known),
        None => connection.receive(head.as_bytes(), now),
    };
    format!("{step:?}, then {connection:?}")
}

fn server(config: &Config) -> Connection<Server> {
    Connection::new(Arc::new(config.clone()))
}

/// A client that has asked.
fn client() -> Connection<Client> {
    let mut connection = Connection::<Client>::new(Arc::new(Config::default()));
    let line = RequestLine { method: "GET", target: "/", version: Version::Http11 };
    connection.send_head(line, [(&b"host"[..], &b"a"[..])], Some(0), &mut Vec::new()).unwrap();
    connection.send_end([], &mut Vec::new()).unwrap();
    connection
}

/// The same with any two of these heads after one another.
fn agree<R: Role>(heads: &[&str], connection: impl Fn() -> Connection<R>) {
    let now = Instant::now();
    for first in heads {
        for second in heads {
            let mut known = KnownFields::default();
            for head in [first, second, second, first] {
                let (mut with, mut without) = (connection(), connection());
                let expected = outcome(&mut without, head, now, None);
                assert_eq!(outcome(&mut with, head, now, Some(&mut known)), expected, "{head:?} behind {first:?}");
            }
        }
    }
}

#[test]
fn a_request_means_what_it_means_whatever_came_before() {
    let heads = [
        "GET /a HTTP/1.1\r\nHost: a\r\nAccept: b\r\n\r\n",
        "GET /a/b?c HTTP/1.1\r\nHost: a\r\nAccept: b\r\n\r\n",
        "GET /a HTTP/1.0\r\nHost: a\r\nAccept: b\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: a\r\nAccept: b\r\nX: y\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: a\r\nAccept: b\r\n c\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: a\r\nAccept: b\r\nHost: a\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: a\r\nAccept: b\r\n\n",
        "GET /a HTTP/1.1\r\nHost: a\r\nAccept: b\r\n",
        "GET /a HTTP/1.1\r\nHost: a\r\nAccept: b\r\n\r",
        "GET /a HTTP/1.1\r\nHost: A\r\nAccept: b\r\n\r\n",
        "GET /a HTTP/1.1\r\n\r\n",
        "GET /a HTTP/1.0\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
        "POST /abc HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\nExpect: 100-continue\r\n\r\nabc",
        "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "POST /abc HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "POST /a HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ];
    agree(&heads, || server(&Config::default()));
}

#[test]
fn a_response_means_what_it_means_whatever_came_before() {
    let heads = [
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: y\r\n\r\nabc",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\nX: y\r\n\r\nabc",
        "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\nX: y\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 3\r\nX: y\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: y\r\n z\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\nX: y\n\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nContent-Length: 3\r\nX: y\r\n\r\n",
    ];
    agree(&heads, client);
}

#[test]
fn what_was_a_response_proves_nothing_of_a_request() {
    let mut known = KnownFields::default();
    // Two of them, and a name that is no host's: no request may have them.
    let fields = "Host: a/b\r\nHost: c\r\n\r\n";
    outcome(&mut client(), &format!("HTTP/1.1 204 No Content\r\n{fields}"), Instant::now(), Some(&mut known));
    let request = format!("GET / HTTP/1.0\r\n{fields}");
    let mut connection = server(&Config::default());
    assert!(connection.receive_knowing(request.as_bytes(), Instant::now(), &mut known).is_err());
}

#[test]
fn limits_hold_for_what_is_known() {
    let fields = "Host: a\r\nA: b\r\nC: d\r\n\r\n";
    let short = format!("GET / HTTP/1.1\r\n{fields}");
    let long = format!("GET /{} HTTP/1.1\r\n{fields}", "x".repeat(100));
    let now = Instant::now();
    for head in (0..3).flat_map(|less| [short.len(), long.len()].map(|len| len - less)) {
        for fields in 2..=4 {
            let config = Config { limits: Limits { head, fields, ..Limits::default() }, ..Config::default() };
            let mut known = KnownFields::default();
            outcome(&mut server(&Config::default()), &short, now, Some(&mut known));
            for request in [&short, &long] {
                let expected = outcome(&mut server(&config), request, now, None);
                let told = outcome(&mut server(&config), request, now, Some(&mut known.clone()));
                assert_eq!(told, expected, "{config:?}");
            }
        }
    }
}

#[test]
fn what_was_said_of_one_head_is_not_said_of_the_next() {
    let head = "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n";
    let (now, mut known) = (Instant::now(), KnownFields::default());
    for came_again in [false, true] {
        outcome(&mut server(&Config::default()), head, now, Some(&mut known));
        assert_eq!(known.came_again(), came_again);
    }
    // It began where others are known, on another thread perhaps.
    let other = head.replace("A: b", "A: c");
    let mut connection = server(&Config::default());
    outcome(&mut connection, &other[..25], now, Some(&mut KnownFields::default()));
    outcome(&mut connection, &other, now, Some(&mut known));
    assert!(!known.came_again());
    outcome(&mut server(&Config::default()), &other, now, Some(&mut known));
    assert!(known.came_again());
}

#[test]
fn only_the_same_fields_come_again() {
    let (mut connection, mut known) = (server(&Config::default()), KnownFields::default());
    let mut came_again = |input: &str, known: &mut KnownFields| {
        let mut rest = input.as_bytes();
        loop {
            let (used, event) = connection.receive_knowing(rest, Instant::now(), known).unwrap();
            rest = &rest[used..];
            match event {
                Event::Head(_) => {}
                Event::NeedInput => return None,
                _ => break,
            }
        }
        connection.send_head(http::StatusCode::OK, [], Some(0), &mut Vec::new()).unwrap();
        connection.send_end([], &mut Vec::new()).unwrap();
        Some(known.came_again())
    };
    let [same, other] = ["x", "y"].map(|value| format!("GET / HTTP/1.1\r\nHost: a\r\nA: {value}\r\n\r\n"));
    let mut step = |input: &str| came_again(input, &mut known);
    assert_eq!(
        [&same, &same, &other, &same, &same].map(|head| step(head)),
        [false, true, false, false, true].map(Some)
    );
    // In pieces it is read line by line, and known from then on.
    assert_eq!([step(&same[..25]), step(&same), step(&same)], [None, Some(false), Some(true)]);
    known.forget();
    assert!(!known.came_again());
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nA: {}\r\n\r\n", "x".repeat(KnownFields::LONGEST));
    assert_eq!(
        [&same, &same, &long, &long].map(|head| came_again(head, &mut known)),
        [false, true, false, false].map(Some)
    );
}
