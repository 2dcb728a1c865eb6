//! An idle connection is looked at before it is used again: the kernel is asked, since the runtime
//! may not have heard yet. Here it cannot have: the server is another thread, and the client's
//! runtime never gets to look between the server's deed and the next request.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use http::Method;
use tenure::{Client, CloseReason};

use super::{observed, read, request};
use crate::common::*;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Answers one request on each of two connections, and does `deed` to the first after its answer
/// once it is told; reports when it is done. Returns what came on the first after that.
fn server(deed: impl FnOnce(&mut TcpStream) + Send + 'static) -> (String, mpsc::Sender<()>, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (tell, told) = mpsc::channel();
    let (report, reports) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut first, _) = listener.accept().unwrap();
        // A write is with the client when it returns, and does not wait for an acknowledgement.
        first.set_nodelay(true).unwrap();
        answer(&mut first);
        told.recv().unwrap();
        deed(&mut first);
        drop(first);
        report.send(()).unwrap();
        let (mut second, _) = listener.accept().unwrap();
        answer(&mut second);
        let _ = told.recv();
    });
    (url, tell, reports)
}

fn answer(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    stream.write_all(OK).unwrap();
}

/// A POST after the deed must not touch the dead connection: it cannot be repeated.
fn retires(deed: impl FnOnce(&mut TcpStream) + Send + 'static, why: CloseReason) {
    run(async {
        let (url, tell, reports) = server(deed);
        let (client, log) = observed(Client::builder());
        assert_eq!(read(client.get(&url).await).await.unwrap().1, "ok");
        tell.send(()).unwrap();
        reports.recv_timeout(Duration::from_secs(20)).unwrap();
        let post = client.request(request(Method::POST, &url, "")).await;
        assert_eq!(read(post).await.unwrap().1, "ok");
        assert_eq!(log.closed(1).await, [why]);
        assert_eq!(log.now().opened, 2);
    });
}

#[test]
fn a_fin_retires_an_idle_connection() {
    retires(|_| {}, CloseReason::PeerFin);
}

#[test]
fn a_reset_retires_an_idle_connection() {
    let reset = |stream: &mut TcpStream| socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO)).unwrap();
    retires(reset, CloseReason::PeerReset);
}

#[test]
fn stray_bytes_retire_an_idle_connection() {
    retires(|stream| stream.write_all(b"HTTP/1.1 200 OK\r\n").unwrap(), CloseReason::Unsolicited);
}

#[test]
fn a_late_408_retires_an_idle_connection() {
    let timeout = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    retires(|stream| stream.write_all(timeout).unwrap(), CloseReason::Unsolicited);
}

/// The whole answer, and more behind it in the same segment.
#[test]
fn bytes_behind_an_answer_are_never_taken_for_the_next_one() {
    run(async {
        let script = Script::new().await;
        let (client, log) = observed(Client::builder());
        for n in 0..3 {
            let (answer, ()) = tokio::join!(async { read(client.get(script.url("/")).await).await }, async {
                let mut peer = script.accept().await;
                peer.request().await;
                peer.send(
                    "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nrealHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfake",
                )
                .await;
            });
            assert_eq!(answer.unwrap().1, "real");
            assert_eq!(log.closed(n + 1).await[n], CloseReason::Unsolicited);
        }
    });
}
