//! Bytes that cross a request on a reused connection are no answer to it (RFC 9112 section 9.2),
//! however much they look like one.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use http::Method;
use tenure::{Client, CloseReason, ConnectionInfo, Fate, Observer};

use super::{observed, read, request};
use crate::common::*;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const STRAY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray";
const LATE: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlate";

/// Does something when a request has got a reused connection and has not left: after the last look
/// at it.
pub(crate) struct Crosses(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Crosses {
    pub(crate) fn with(deed: impl FnOnce() + Send + 'static) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Some(Box::new(deed)))))
    }
}

impl Observer for Crosses {
    fn began(&self, connection: &ConnectionInfo, _: &str) {
        if connection.is_reused()
            && let Some(deed) = self.0.lock().unwrap().take()
        {
            deed();
        }
    }
}

fn answer(stream: &mut TcpStream) -> bool {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read_exact(&mut byte).is_err() {
            return false;
        }
        head.push(byte[0]);
    }
    stream.write_all(OK).is_ok()
}

/// A server that answers one request on its first connection, and one on its second if `more`. The
/// first connection's socket is shared.
fn server(more: bool) -> (String, Arc<Mutex<Option<TcpStream>>>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let shared = Arc::new(Mutex::new(None));
    let place = Arc::clone(&shared);
    let serving = std::thread::spawn(move || {
        let (mut first, _) = listener.accept().unwrap();
        first.set_nodelay(true).unwrap();
        let mut shared = place.lock().unwrap();
        assert!(answer(&mut first));
        *shared = Some(first);
        drop(shared);
        if more {
            assert!(answer(&mut listener.accept().unwrap().0));
        }
    });
    (url, shared, serving)
}

/// What becomes of a request that `bytes` cross; why its connection ended.
async fn crossed(
    method: Method,
    (bytes, closes): (&'static [u8], bool),
    repeat_undelivered: bool,
    more: bool,
) -> (Result<(u16, String), tenure::Error>, Vec<CloseReason>) {
    let (url, server, serving) = server(more);
    let _open = Arc::clone(&server);
    let crosses = Crosses::with(move || {
        let mut server = server.lock().unwrap();
        server.as_mut().unwrap().write_all(bytes).unwrap();
        if closes {
            *server = None;
        }
    });
    let (client, log) = observed(Client::builder().repeat_undelivered(repeat_undelivered).observer(crosses));
    assert_eq!(read(client.get(&url).await).await.unwrap().1, "ok");
    let answer = read(client.request(request(method, &url, "")).await).await;
    let closed = log.closed(1).await;
    serving.join().unwrap();
    (answer, closed)
}

#[test]
fn an_idempotent_request_is_sent_again() {
    run(async {
        for method in [Method::GET, Method::PUT] {
            for closes in [false, true] {
                let (answer, closed) = crossed(method.clone(), (STRAY, closes), true, true).await;
                assert_eq!(answer.unwrap(), (200, "ok".to_owned()), "{method} {closes}");
                assert_eq!(closed[0], CloseReason::Unsolicited, "{method} {closes}");
            }
        }
    });
}

/// The server stays, and may well process what it has got.
#[test]
fn a_post_is_of_unknown_fate_while_the_server_stays() {
    run(async {
        let (answer, closed) = crossed(Method::POST, (STRAY, false), true, false).await;
        let error = answer.unwrap_err();
        assert_eq!(error.fate(), Fate::Unknown, "{error}");
        assert!(error.to_string().contains("no answer"), "{error}");
        assert_eq!(closed[0], CloseReason::Unsolicited);
    });
}

/// A 408 for the idle time, then the FIN, then a reset: the request came too late for that server.
#[test]
fn a_post_that_a_408_and_the_close_crossed_is_sent_again() {
    run(async {
        let (answer, closed) = crossed(Method::POST, (LATE, true), true, true).await;
        assert_eq!(answer.unwrap(), (200, "ok".to_owned()));
        assert_eq!(closed[0], CloseReason::Unsolicited);
        let (answer, _) = crossed(Method::POST, (LATE, true), false, false).await;
        assert_eq!(answer.unwrap_err().fate(), Fate::Unknown);
    });
}
