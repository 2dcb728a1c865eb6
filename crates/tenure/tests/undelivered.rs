//! The close race, seen from the client: which requests it may send again, and which never.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full, StreamBody};
use tenure::{Body, Client, Error, Fate, Observer};

const POST: &str = "POST";

/// Counts repeated requests by fate.
#[derive(Default)]
struct Repeats(Mutex<Vec<Fate>>);

impl Observer for Repeats {
    fn repeated(&self, fate: Fate) {
        self.0.lock().unwrap().push(fate);
    }
}

/// Reads one request with content of known length, and returns all of it.
fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some(end) = text.find("\r\n\r\n") {
            let length = text
                .lines()
                .filter_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned))
                .map(|n| n.parse::<usize>().unwrap())
                .next();
            if text.len() >= end + 4 + length.unwrap_or(0) {
                return text;
            }
        }
        let mut buffer = [0; 4096];
        let n = stream.read(&mut buffer).unwrap();
        assert!(n > 0, "the client closed inside a request: {text:?}");
        bytes.extend_from_slice(&buffer[..n]);
    }
}

fn answer(stream: &mut TcpStream) {
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
}

/// Content that runs `before` when the client first asks for it: after the connection was chosen
/// and checked, before a byte of the request is sent.
fn content_after(before: impl Fn() + Send + Sync + 'static) -> Body {
    let before = Arc::new(before);
    Body::rewindable(move || {
        let before = Arc::clone(&before);
        let frames = futures_util::stream::once(async move {
            before();
            Ok::<_, Error>(http_body::Frame::data(Bytes::from_static(b"once")))
        });
        Body::stream(StreamBody::new(Box::pin(frames)))
    })
}

async fn warm_up(client: &Client, uri: &str) {
    let response = client.get(uri).await.unwrap();
    response.into_body().collect().await.unwrap();
}

fn request(method: &str, uri: &str, body: Body) -> Request<Body> {
    Request::builder().method(method).uri(uri).header("content-length", "4").body(body).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_that_met_a_closed_connection_is_sent_again_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    let (first_sender, first) = std::sync::mpsc::channel::<TcpStream>();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&mut stream);
        answer(&mut stream);
        first_sender.send(stream).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        let request = read_request(&mut stream);
        answer(&mut stream);
        request
    });
    let repeats = Arc::new(Repeats::default());
    let client = Client::builder().observer(Arc::clone(&repeats) as Arc<dyn Observer>).build();
    warm_up(&client, &uri).await;
    let first = Mutex::new(Some(first.recv().unwrap()));
    // The server closes its idle connection just as the request is about to leave.
    let body = content_after(move || drop(first.lock().unwrap().take()));
    let response = client.request(request(POST, &uri, body)).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(server.join().unwrap().ends_with("once"), "the whole request came, on the second connection");
    assert_eq!(*repeats.0.lock().unwrap(), [Fate::LikelyUndelivered]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_setting_the_same_post_surfaces() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    let (sender, first) = std::sync::mpsc::channel::<TcpStream>();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&mut stream);
        answer(&mut stream);
        sender.send(stream).unwrap();
        listener
    });
    let client = Client::builder().repeat_undelivered(false).build();
    warm_up(&client, &uri).await;
    let first = Mutex::new(Some(first.recv().unwrap()));
    let body = content_after(move || drop(first.lock().unwrap().take()));
    let error = client.request(request(POST, &uri, body)).await.unwrap_err();
    assert_eq!(error.fate(), Fate::Unknown, "{error}");
    assert!(!error.is_safe_to_retry());
    let listener = server.join().unwrap();
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "no second connection was made");
}

/// What a server does with the second request on a connection, after having read it.
fn processed_then(end: fn(TcpStream), method: &'static str) -> (Result<u16, Error>, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    let processed = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&processed);
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&mut stream);
        answer(&mut stream);
        read_request(&mut stream);
        *counter.lock().unwrap() += 1;
        end(stream);
        while let Ok((mut stream, _)) = listener.accept() {
            read_request(&mut stream);
            *counter.lock().unwrap() += 1;
            answer(&mut stream);
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let result = runtime.block_on(async {
        let client = Client::new();
        warm_up(&client, &uri).await;
        let request = request(method, &uri, Body::from("once"));
        tokio::time::timeout(Duration::from_secs(20), client.request(request)).await.unwrap()
    });
    let times = *processed.lock().unwrap();
    (result.map(|response| response.status().as_u16()), times)
}

fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

#[test]
fn a_post_that_was_read_is_never_sent_twice() {
    for end in [drop as fn(TcpStream), reset] {
        let (result, processed) = processed_then(end, POST);
        let error = result.unwrap_err();
        assert_eq!((error.fate(), processed), (Fate::Unknown, 1), "{error}");
    }
}

#[test]
fn a_put_that_was_read_is_repeated_once() {
    for end in [drop as fn(TcpStream), reset] {
        let (result, processed) = processed_then(end, "PUT");
        assert_eq!((result.unwrap(), processed), (200, 2));
    }
}

#[tokio::test]
async fn content_that_cannot_be_had_again_is_not_repeated() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&mut stream);
        answer(&mut stream);
        read_request(&mut stream);
        drop(stream);
        listener
    });
    let client = Client::new();
    warm_up(&client, &uri).await;
    let stream = Body::stream(Full::new(Bytes::from_static(b"once")));
    let error = client.request(request("PUT", &uri, stream)).await.unwrap_err();
    assert_eq!(error.fate(), Fate::Unknown);
    let listener = server.join().unwrap();
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err());
}
