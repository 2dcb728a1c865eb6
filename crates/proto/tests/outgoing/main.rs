//! What a connection writes: nothing that could end a line early (RFC 9112 section 11.1), and the
//! fields that belong to the core, as sections 6 and 9 want them.

mod fields;
mod injection;
mod whole;

use std::sync::Arc;

use tenure_proto::{Client, Config, Connection, Server};
use tenure_testkit::clock::Clock;

fn client() -> Connection<Client> {
    Connection::new(Arc::default())
}

/// A server with this request received and due an answer.
fn server(request: &str) -> Connection<Server> {
    server_with(Config::default(), request)
}

fn server_with(config: Config, request: &str) -> Connection<Server> {
    let mut connection = Connection::new(Arc::new(config));
    let mut input = request.as_bytes();
    while !input.is_empty() {
        let (used, _) = connection.receive(input, Clock::new().now()).expect("a good request");
        input = &input[used..];
    }
    connection.receive(input, Clock::new().now()).expect("its end");
    connection
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Text with field names in lower case: their case has no meaning.
fn text(out: &[u8]) -> String {
    let text = String::from_utf8_lossy(out);
    let lines = text.split_inclusive("\r\n").map(|line| match line.split_once(": ") {
        Some((name, value)) => format!("{}: {value}", name.to_ascii_lowercase()),
        None => line.to_owned(),
    });
    lines.collect()
}
