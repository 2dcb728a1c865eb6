//! Random messages and random damage, reproducible by seed: what one side encodes the other
//! decodes equal, and no input means one thing whole and another thing in pieces.

use tenure_proto::{Config, Version};
use tenure_testkit::fixture::{requests, responses};
use tenure_testkit::pair::{Body, Pair};
use tenure_testkit::random::Random;

const TOKEN: &[u8] = b"abcXYZ019!#$%&'*+-.^_`|~";
const TARGET: &[u8] = b"abcXYZ019-._~!$&'()*+,;=:@/?%|{}[]^`\"<>\\";
/// Without a comma, a quote or white space at the ends, which would need escapes in the expectation.
const VALUE: &[u8] = b"abcXYZ019!()*+-./:;<=>?@[]^_`{|}~,";

/// One message's own fields and content, as text to expect and bytes to send.
struct Message {
    fields: Vec<(String, String)>,
    pieces: Vec<Vec<u8>>,
    trailers: Vec<(String, String)>,
    chunked: bool,
}

fn fields(random: &mut Random, most: usize) -> Vec<(String, String)> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("ASCII");
    let count = random.below(most + 1);
    let mut field = || {
        let (name_len, value_len) = (1 + random.below(12), random.below(40));
        (format!("x-{}", text(random.text(TOKEN, name_len))), text(random.text(VALUE, value_len)))
    };
    (0..count).map(|_| field()).collect()
}

impl Message {
    fn new(random: &mut Random) -> Self {
        let chunked = random.one_in(2);
        let pieces = match random.below(4) {
            0 => vec![],
            n => (0..n * 2)
                .map(|_| {
                    let len = *random.pick(&[0, 1, 2, 15, 16, 17, 255, 300]);
                    random.bytes(len)
                })
                .collect(),
        };
        let trailers = if chunked { fields(random, 3) } else { vec![] };
        Self { fields: fields(random, 5), pieces, trailers, chunked }
    }

    fn content(&self) -> Vec<u8> {
        self.pieces.concat()
    }

    /// The events after the head's line, with the fields that are the message's own.
    fn expected(&self, has_content: bool) -> Vec<String> {
        let line =
            |label: &str, (name, value): &(String, String)| format!("{label} {name}: {value}").trim_end().to_owned();
        let escaped = |content: &[u8]| tenure_testkit::escape(content).replace('"', "\\\"");
        let mut lines: Vec<_> = self.fields.iter().map(|f| line("field", f).replace('\\', "\\\\")).collect();
        if has_content && !self.content().is_empty() {
            lines.push(format!("content \"{}\"", escaped(&self.content())));
        }
        if has_content {
            lines.extend(self.trailers.iter().map(|t| line("trailer", t)));
        }
        lines.push("end".to_owned());
        lines
    }

    /// Calls `send` with the message as the pair wants it.
    fn with<T>(&self, send: impl FnOnce(&[(&str, &str)], Body<'_>) -> T) -> T {
        let strs = |fields: &'_ [(String, String)]| -> Vec<(String, String)> { fields.to_vec() };
        let (own, trailing) = (strs(&self.fields), strs(&self.trailers));
        let own: Vec<(&str, &str)> = own.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let trailing: Vec<(&str, &str)> = trailing.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let (content, pieces) = (self.content(), self.pieces.iter().map(Vec::as_slice).collect::<Vec<_>>());
        send(&own, if self.chunked { Body::Pieces(&pieces, &trailing) } else { Body::Length(&content) })
    }
}

/// A whole connection of random exchanges. Returns how many there were.
fn converse(seed: u64) -> usize {
    let mut random = Random::new(seed);
    let mut config = Config::default();
    config.limits.outstanding = 16;
    let mut pair = Pair::new(config.clone(), config).in_pieces_of(*random.pick(&[1, 2, 3, 7, 64, 1000, usize::MAX]));
    let mut exchanges = 0;
    for _ in 0..4 {
        let depth = 1 + random.below(4);
        let mut asked = Vec::new();
        for _ in 0..depth {
            let method = match random.below(4) {
                0 => "HEAD".to_owned(),
                1 => "POST".to_owned(),
                2 => "GET".to_owned(),
                _ => format!("X{}", String::from_utf8(random.text(TOKEN, 5)).expect("ASCII")),
            };
            let len = random.below(60);
            let target = format!("/{}", String::from_utf8(random.text(TARGET, len)).expect("ASCII"));
            let message = Message::new(&mut random);
            message
                .with(|fields, body| pair.client.request(&method, &target, fields, body))
                .unwrap_or_else(|e| panic!("seed {seed}: {method} {target}: {e}"));
            asked.push((method, target, message));
        }
        pair.run();
        for (method, target, request) in asked {
            let events = pair.server.events_and_own_fields();
            let head = format!("head {method} {} HTTP/1.1, ", target.replace('\\', "\\\\"));
            assert!(events[0].starts_with(&head), "seed {seed}: {events:?} does not begin with {head}");
            assert_eq!(events[1..], request.expected(true), "seed {seed}: {method} {target}");
            let answer = Message::new(&mut random);
            answer
                .with(|fields, body| pair.server.respond(200, fields, body))
                .unwrap_or_else(|e| panic!("seed {seed}: {e}"));
            pair.run();
            let events = pair.client.events_and_own_fields();
            assert!(events[0].starts_with("head HTTP/1.1 200 OK, "), "seed {seed}: {events:?}");
            assert_eq!(events[1..], answer.expected(method != "HEAD"), "seed {seed}: answer to {method}");
            exchanges += 1;
        }
        assert!(pair.client.connection.is_idle() && pair.server.connection.is_idle(), "seed {seed}");
    }
    assert_eq!(pair.server.connection.exchanges(), exchanges as u64);
    exchanges
}

#[test]
fn what_one_side_encodes_the_other_decodes() {
    let exchanges: usize = (1..=150).map(converse).sum();
    assert!(exchanges > 1000, "{exchanges}");
}

#[test]
fn http10_exchanges_of_random_messages() {
    for seed in 1..=100 {
        let mut random = Random::new(seed);
        let mut pair = Pair::new(Config::default(), Config::default());
        let message = Message { chunked: false, trailers: vec![], ..Message::new(&mut random) };
        message.with(|fields, _| {
            let content = message.content();
            let length = Some(content.len() as u64);
            let client = &mut pair.client;
            client.request_head("POST", "/", Version::Http10, fields, length).expect("idle");
            client.send_piece(&content).and_then(|()| client.connection.send_end([], &mut client.out)).expect("whole");
        });
        pair.run();
        assert_eq!(pair.server.events_and_own_fields()[1..], message.expected(true), "seed {seed}");
        let answer = Message::new(&mut random);
        answer.with(|fields, body| pair.server.respond(200, fields, body)).expect("due");
        pair.run();
        // An HTTP/1.0 client gets no chunks and so no trailers: the close ends what has no length.
        let expected = Message { trailers: vec![], ..answer };
        assert_eq!(pair.client.events_and_own_fields()[1..], expected.expected(true), "seed {seed}");
        assert_eq!(pair.client.closed().is_some(), expected.chunked, "seed {seed}");
    }
}

/// Good messages to begin with.
const REQUESTS: [&str; 5] = [
    "GET /a?b HTTP/1.1\r\nHost: a.example\r\nConnection: keep-alive, te\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: b\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0\r\nX: y\r\n\r\n",
    "\r\nOPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\nX: y\r\n\r\n\r\nHEAD / HTTP/1.0\r\n\r\n",
    "CONNECT a.example:80 HTTP/1.1\r\nHost: a.example:80\r\nExpect: 100-continue\r\n\r\ntunnel",
];

const RESPONSES: [&str; 5] = [
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nKeep-Alive: timeout=5\r\n\r\nhello",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n",
    "HTTP/1.0 200 OK\nConnection: close\nX: a\n b\n\nuntil close",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 5, 5\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno",
    "HTTP/1.1 200\r\nTransfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
];

/// What damage is made of.
const PIECES: [&[u8]; 30] = [
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"\0",
    b"\x0b",
    b"\xff",
    b"0",
    b"5",
    b"\"",
    b"=",
    b"\\",
    b"/",
    b"\r\n\r\n",
    b"\r\n ",
    b"close",
    b"chunked",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Host: b\r\n",
    b"HTTP/1.1",
    b"HTTP/1.0",
    b"0\r\n\r\n",
    b"@",
    b"#",
    b"X: y\r\n",
];

/// A few pieces inserted, replaced or taken away.
fn damage(random: &mut Random, message: &str) -> Vec<u8> {
    let mut bytes = message.as_bytes().to_vec();
    for _ in 0..1 + random.below(3) {
        let at = random.below(bytes.len() + 1);
        let piece = *random.pick(&PIECES);
        let until = match random.below(3) {
            0 => at,
            1 => (at + piece.len()).min(bytes.len()),
            _ => (at + 1 + random.below(4)).min(bytes.len()),
        };
        let insert = if random.one_in(4) { &b""[..] } else { piece };
        bytes.splice(at..until, insert.iter().copied());
    }
    bytes
}

/// `bytes` cut at random places.
fn cut<'b>(random: &mut Random, mut bytes: &'b [u8]) -> Vec<&'b [u8]> {
    let most = *random.pick(&[1, 2, 5, 30]);
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at((1 + random.below(most)).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

/// Damages `messages` and compares what each means whole and in pieces.
fn means_the_same(seed: u64, messages: &[&str], run: impl Fn(&[&[u8]]) -> Vec<String>) {
    let mut random = Random::new(seed);
    let mut refused = 0;
    for round in 0..5_000 {
        let message = *random.pick(messages);
        let input = damage(&mut random, message);
        let whole = run(&[&input]);
        let pieces = cut(&mut random, &input);
        let case = || {
            format!(
                "round {round}: \"{}\" in {:?}",
                input.escape_ascii(),
                pieces.iter().map(|p| p.len()).collect::<Vec<_>>()
            )
        };
        assert_eq!(run(&pieces), whole, "{}", case());
        assert!(!whole.iter().any(|line| line.starts_with("defect")), "{whole:?}, {}", case());
        refused += usize::from(whole.iter().any(|line| line.starts_with("error")));
    }
    // Neither all good nor all bad: the damage reaches both sides of the rules.
    assert!((500..4_750).contains(&refused), "{refused} of 5000 refused");
}

#[test]
fn damaged_requests_mean_the_same_however_they_arrive() {
    let config = Config::default();
    means_the_same(1, &REQUESTS, |pieces| requests(&config, pieces));
    let old = Config { http09: true, ..Config::default() };
    means_the_same(2, &REQUESTS, |pieces| requests(&old, pieces));
}

#[test]
fn damaged_messages_near_their_limits_mean_the_same_however_they_arrive() {
    // Limits that the good messages just keep, and that damage exceeds.
    let mut config = Config::default();
    let limits = &mut config.limits;
    (limits.start_line, limits.head, limits.fields, limits.trailers) = (29, 110, 3, 14);
    (limits.chunk_extensions, limits.content, limits.empty_lines, limits.interim) = (6, 12, 1, 1);
    means_the_same(5, &REQUESTS, |pieces| requests(&config, pieces));
    config.limits.outstanding = 16;
    means_the_same(6, &RESPONSES, |pieces| responses(&config, &["GET", "HEAD", "GET"], pieces));
}

#[test]
fn damaged_responses_mean_the_same_however_they_arrive() {
    let mut config = Config::default();
    config.limits.outstanding = 16;
    means_the_same(3, &RESPONSES, |pieces| responses(&config, &["GET", "HEAD", "GET"], pieces));
    means_the_same(4, &RESPONSES, |pieces| responses(&config, &["GET"], pieces));
}
