//! https. The servers are threads with blocking sockets, so that between two requests nothing runs
//! on the client's runtime.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use http::Method;
use rcgen::CertifiedKey;
use tenure::client::{Builder, Pipelining};
use tenure::{Client, CloseReason, Fate, ResponseExt as _};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::stray::Crosses;
use super::{observed, place, read, request};
use crate::common::*;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// The server's end of a secure connection.
type Secure = StreamOwned<ServerConnection, TcpStream>;

/// Where a server accepts connections.
struct Acceptor {
    listener: TcpListener,
    config: Arc<ServerConfig>,
}

impl Acceptor {
    fn accept(&self) -> Secure {
        let (stream, _) = self.listener.accept().unwrap();
        // A write is with the client when it returns, and does not wait for an acknowledgement.
        stream.set_nodelay(true).unwrap();
        StreamOwned::new(ServerConnection::new(Arc::clone(&self.config)).unwrap(), stream)
    }
}

/// Starts a server. Its address, and a client's settings that trust it.
fn server<T: Send + 'static>(play: impl FnOnce(Acceptor) -> T + Send + 'static) -> (String, Builder, JoinHandle<T>) {
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.der().clone()], key);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let acceptor = Acceptor { listener, config: Arc::new(config.unwrap()) };
    let trusting = Client::builder().root_certificates(cert.pem().as_bytes()).unwrap();
    (url, trusting, std::thread::spawn(move || play(acceptor)))
}

/// Reads a request without content.
fn read_head(stream: &mut Secure) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Reads a request and sends an answer, in one record if it fits.
fn answer(stream: &mut Secure, answer: &[u8]) {
    read_head(stream);
    stream.write_all(answer).unwrap();
    stream.flush().unwrap();
}

/// Says that nothing more follows.
fn close_notify(stream: &mut Secure) {
    stream.conn.send_close_notify();
    stream.flush().unwrap();
}

#[test]
fn requests_share_a_secure_connection() {
    run(async {
        let (url, trusting, served) = server(|acceptor| {
            let mut stream = acceptor.accept();
            for _ in 0..3 {
                answer(&mut stream, OK);
            }
            // The client says goodbye: RFC 9112 section 9.8.
            stream.read(&mut [0]).map_err(|e| e.kind())
        });
        let (client, log) = observed(trusting);
        for n in 1..4 {
            let response = client.get(&url).await.unwrap();
            assert_eq!(place(&response), (1, n));
            assert_eq!(body::collect(response.into_body()).await.unwrap(), "ok");
        }
        drop(client);
        assert_eq!(served.join().unwrap(), Ok(0), "a closure alert, not a torn connection");
        assert_eq!(log.closed(1).await, [CloseReason::Shutdown]);
    });
}

/// The server answers nothing until it has three requests.
#[test]
fn secure_connections_are_pipelined_too() {
    run(async {
        let (url, trusting, served) = server(|acceptor| {
            let mut stream = acceptor.accept();
            answer(&mut stream, OK);
            let heads: Vec<String> = (0..3).map(|_| read_head(&mut stream)).collect();
            for head in &heads {
                let path = head.split(' ').nth(1).unwrap();
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}", path.len()).unwrap();
            }
            stream.flush().unwrap();
        });
        let (client, log) = observed(trusting.pipelining(Pipelining::Safe { depth: 8 }).connections_per_origin(1));
        assert_eq!(read(client.get(&url).await).await.unwrap().1, "ok");
        let get = async |path: &str| {
            let response = client.get(format!("{url}{path}")).await.unwrap();
            let depth = response.connection().unwrap().pipelined.map(|pipelined| pipelined.depth);
            (read(Ok(response)).await.unwrap().1, depth)
        };
        let answers = tokio::join!(get("a"), get("b"), get("c"));
        let expected = |path: &str, depth| (path.to_owned(), depth);
        assert_eq!(answers, (expected("/a", None), expected("/b", Some(2)), expected("/c", Some(3))));
        served.join().unwrap();
        assert_eq!(log.now().opened, 1);
    });
}

#[test]
fn a_server_that_nobody_vouches_for_is_refused() {
    run(async {
        let (url, _, served) = server(|acceptor| {
            let mut stream = acceptor.accept();
            stream.read(&mut [0]).is_err()
        });
        let (_, other, _) = server(|_| {});
        let error = other.build().get(&url).await.unwrap_err();
        assert!(error.is_connect(), "{error}");
        assert_eq!(error.fate(), Fate::NotSent);
        assert!(error.to_string().contains("certificate"), "{error}");
        assert!(served.join().unwrap(), "the server saw no request");
    });
}

#[test]
fn a_server_under_another_name_is_refused() {
    run(async {
        let (url, trusting, served) = server(|acceptor| acceptor.accept().read(&mut [0]).is_err());
        let error = trusting.build().get(url.replace("127.0.0.1", "localhost")).await.unwrap_err();
        assert!(error.is_connect(), "{error}");
        assert!(served.join().unwrap());
    });
}

#[test]
fn a_handshake_that_does_not_end_times_out() {
    run(async {
        let (url, trusting, served) =
            server(|acceptor| acceptor.listener.accept().unwrap().0.read_to_end(&mut Vec::new()));
        let error = trusting.connect_timeout(Duration::from_millis(50)).build().get(&url).await.unwrap_err();
        assert!(error.is_connect() && error.is_timeout(), "{error}");
        assert!(served.join().unwrap().is_ok());
    });
}

/// Without the closure alert nobody knows whether the FIN is the server's.
#[test]
fn a_close_delimited_response_needs_the_closure_alert() {
    run(async {
        for alert in [true, false] {
            let (url, trusting, served) = server(move |acceptor| {
                let mut stream = acceptor.accept();
                answer(&mut stream, b"HTTP/1.1 200 OK\r\n\r\nuntil the end");
                if alert {
                    close_notify(&mut stream);
                }
            });
            let (client, log) = observed(trusting);
            let answer = read(client.get(&url).await).await;
            served.join().unwrap();
            if alert {
                assert_eq!(answer.unwrap().1, "until the end");
                assert_eq!(log.closed(1).await, [CloseReason::CloseDelimited]);
            } else {
                let error = answer.unwrap_err();
                assert!(error.is_incomplete(), "{error}");
                assert_eq!(error.fate(), Fate::AnsweredInPart);
            }
        }
    });
}

/// Does `deed` to a connection that has answered once, while the client's runtime stands still;
/// the next request must go over a fresh one.
fn retires(first: &'static [u8], deed: impl FnOnce(&mut Secure) + Send + 'static, why: CloseReason) {
    run(async {
        let (tell, told) = mpsc::channel();
        let (report, reports) = mpsc::channel();
        let (url, trusting, served) = server(move |acceptor| {
            let mut stream = acceptor.accept();
            answer(&mut stream, first);
            told.recv().unwrap();
            deed(&mut stream);
            report.send(()).unwrap();
            answer(&mut acceptor.accept(), OK);
        });
        let (client, log) = observed(trusting);
        let response = client.get(&url).await.unwrap();
        body::collect(response.into_body()).await.unwrap();
        tell.send(()).unwrap();
        reports.recv_timeout(Duration::from_secs(20)).unwrap();
        // A POST could not be repeated.
        let post = client.request(request(Method::POST, &url, "")).await.unwrap();
        assert_eq!(place(&post), (2, 1));
        assert_eq!(body::collect(post.into_body()).await.unwrap(), "ok");
        assert_eq!(log.closed(1).await[0], why);
        served.join().unwrap();
    });
}

#[test]
fn a_closure_alert_and_fin_retire_an_idle_connection() {
    let close = |stream: &mut Secure| {
        close_notify(stream);
        stream.sock.shutdown(Shutdown::Both).unwrap();
    };
    retires(OK, close, CloseReason::PeerFin);
}

#[test]
fn a_closure_alert_alone_retires_an_idle_connection() {
    retires(OK, close_notify, CloseReason::PeerFin);
}

#[test]
fn a_fin_alone_retires_an_idle_connection() {
    retires(OK, |stream| stream.sock.shutdown(Shutdown::Both).unwrap(), CloseReason::PeerFin);
}

#[test]
fn stray_content_retires_an_idle_connection() {
    let stray = |stream: &mut Secure| {
        stream.write_all(OK).unwrap();
        stream.flush().unwrap();
    };
    retires(OK, stray, CloseReason::Unsolicited);
}

/// One record: an answer, and another one behind it. Where the first fills the client's first read
/// exactly, the second waits inside the TLS layer, and a look at the socket does not find it; where
/// it takes two reads, the second one brings both.
#[test]
fn stray_content_already_decrypted_retires_an_idle_connection() {
    for read in [8 * 1024, 16 * 1024 - 100] {
        let length = read - "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n".len();
        let mut record = format!("HTTP/1.1 200 OK\r\nContent-Length: {length:05}\r\n\r\n").into_bytes();
        record.resize(read, b'x');
        record.extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfake");
        retires(record.leak(), |_| {}, CloseReason::Unsolicited);
    }
}

/// The same evidence as on a plain connection: the kernel's, below TLS.
#[test]
fn content_that_crosses_a_request_is_no_answer() {
    run(async {
        let place = Arc::new(Mutex::new(None));
        let first = Arc::clone(&place);
        let (url, trusting, served) = server(move |acceptor| {
            let mut stream = acceptor.accept();
            let mut first = first.lock().unwrap();
            answer(&mut stream, OK);
            *first = Some(stream);
            drop(first);
            answer(&mut acceptor.accept(), OK);
        });
        let crosses = Crosses::with(move || {
            let mut stream = place.lock().unwrap();
            let stream: &mut Secure = stream.as_mut().unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray").unwrap();
            stream.flush().unwrap();
        });
        let (client, log) = observed(trusting.observer(crosses));
        for _ in 0..2 {
            assert_eq!(read(client.get(&url).await).await.unwrap().1, "ok");
        }
        assert_eq!(log.closed(1).await[0], CloseReason::Unsolicited);
        served.join().unwrap();
    });
}

/// What TLS says for itself (here a key update, else a session ticket) is nothing to HTTP.
#[test]
fn a_key_update_retires_nothing() {
    run(async {
        let (tell, told) = mpsc::channel();
        let (report, reports) = mpsc::channel();
        let (url, trusting, served) = server(move |acceptor| {
            let mut stream = acceptor.accept();
            answer(&mut stream, OK);
            told.recv().unwrap();
            stream.conn.refresh_traffic_keys().unwrap();
            stream.flush().unwrap();
            report.send(()).unwrap();
            answer(&mut stream, OK);
        });
        let client = trusting.build();
        assert_eq!(read(client.get(&url).await).await.unwrap().1, "ok");
        tell.send(()).unwrap();
        reports.recv_timeout(Duration::from_secs(20)).unwrap();
        let response = client.get(&url).await.unwrap();
        assert_eq!(place(&response), (1, 2));
        assert_eq!(body::collect(response.into_body()).await.unwrap(), "ok");
        served.join().unwrap();
    });
}

#[test]
fn a_large_secure_conversation() {
    run(async {
        let (url, trusting, served) = server(|acceptor| {
            let mut stream = acceptor.accept();
            for _ in 0..2 {
                assert!(read_head(&mut stream).contains("Content-Length: 3000000\r\n"));
                let mut content = vec![0; 3_000_000];
                stream.read_exact(&mut content).unwrap();
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n").unwrap();
                stream.write_all(&content).unwrap();
            }
            stream.read(&mut [0]).map_err(|e| e.kind())
        });
        let client = trusting.build();
        let content: Vec<u8> = (0..3_000_000).map(|at| b'a' + (at % 23) as u8).collect();
        for _ in 0..2 {
            let post = client.request(request(Method::POST, &url, content.clone())).await;
            assert_eq!(body::collect(post.unwrap().into_body()).await.unwrap(), content);
        }
        drop(client);
        assert_eq!(served.join().unwrap(), Ok::<usize, ErrorKind>(0));
    });
}

#[test]
fn certificates_that_are_none_are_refused() {
    for text in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert!(Client::builder().root_certificates(text.as_bytes()).is_err(), "{text:?}");
    }
}
