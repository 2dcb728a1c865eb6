//! Servers that cannot be measured: each is told apart, in bounded time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::memory::{Memory, head, target};
use tenure_probe::{BoxFuture, Dial, Failure, Offer, Opened, Probe, Target, Tcp};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::Instant;

/// What comes of probing a server that says this once it has heard something.
async fn answered_with(answer: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + Clone + 'static) -> Failure {
    let dial = Memory(move |mut stream: DuplexStream| {
        let answer = answer.clone();
        Ok(async move {
            let mut heard = vec![0; 4_096];
            let n = stream.read(&mut heard).await.unwrap_or_default();
            let _ = stream.write_all(&answer(&heard[..n])).await;
        })
    });
    failure(Arc::new(dial), target()).await
}

async fn failure(dial: Arc<dyn Dial>, target: Target) -> Failure {
    let start = Instant::now();
    let failure = Probe::new(dial, target).run(|_| {}).await.map(|report| report.url).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(31), "bounded: {:?}", start.elapsed());
    failure
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers() {
    let dial = Memory(|mut stream: DuplexStream| {
        Ok(async move { while head(&mut stream, Instant::now() + Duration::from_secs(99)).await.is_some() {} })
    });
    assert_eq!(failure(Arc::new(dial), target()).await, Failure::NoAnswer { after: Duration::from_secs(10) });
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_answer_has_no_end() {
    let dial = Memory(|mut stream: DuplexStream| {
        Ok(async move {
            while stream.write_all(b"HTTP/1.1 200 OK\r\nX: ").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
                while stream.write_all(b"y").await.is_ok() {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        })
    });
    let start = Instant::now();
    let failure = Probe::new(Arc::new(dial), target()).run(|_| {}).await.map(|report| report.url).unwrap_err();
    assert_eq!(failure, Failure::NoAnswer { after: Duration::from_secs(30) });
    assert!(start.elapsed() < Duration::from_secs(60), "bounded: {:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn tls_on_a_plain_port() {
    const ALERT: &[u8] = &[0x15, 3, 3, 0, 2, 2, 70];
    for to_plain in [ALERT, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", b""] {
        let speaks_tls = move |heard: &[u8]| {
            let hello = heard.starts_with(&[0x16, 3]);
            if hello { vec![0x16, 3, 3, 0, 90, 2] } else { to_plain.to_vec() }
        };
        assert_eq!(answered_with(speaks_tls).await, Failure::SpeaksTls);
    }
}

#[tokio::test(start_paused = true)]
async fn http2_on_a_plain_port() {
    const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    assert_eq!(answered_with(|_| SETTINGS.to_vec()).await, Failure::SpeaksHttp2);
    let quiet = |heard: &[u8]| if heard.starts_with(b"PRI") { SETTINGS.to_vec() } else { Vec::new() };
    assert_eq!(answered_with(quiet).await, Failure::SpeaksHttp2);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_dies_in_its_first_answer() {
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
    let failure = answered_with(|_| half.to_vec()).await;
    assert!(matches!(&failure, Failure::Ended(what) if what.contains("before the answer was whole")), "{failure}");
    assert!(matches!(answered_with(|_| Vec::new()).await, Failure::Ended(_)));
}

#[tokio::test(start_paused = true)]
async fn something_else_than_http() {
    let failure = answered_with(|_| b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()).await;
    assert!(matches!(failure, Failure::NotHttp(_)), "{failure}");
}

/// https was asked for, and the handshake fails.
struct NoHandshake<F> {
    why: &'static str,
    port: Memory<F>,
}

impl<F> Dial for NoHandshake<F>
where
    Memory<F>: Dial,
{
    fn dial(&self) -> BoxFuture<'_, Result<Opened, Failure>> {
        Box::pin(async { Err(Failure::Tls(self.why.to_owned())) })
    }

    fn dial_tls(&self, _: Offer) -> BoxFuture<'_, Result<Opened, Failure>> {
        self.dial()
    }

    fn dial_plain(&self) -> BoxFuture<'_, Result<Opened, Failure>> {
        self.port.dial_plain()
    }

    fn address(&self) -> Option<SocketAddr> {
        None
    }
}

async fn https_failure(dial: impl Dial + 'static) -> Failure {
    failure(Arc::new(dial), Target::new(&"https://probed.test/".parse().unwrap()).unwrap()).await
}

#[tokio::test(start_paused = true)]
async fn plain_http_on_https() {
    let port = Memory(|mut stream| {
        Ok(async move {
            head(&mut stream, Instant::now() + Duration::from_secs(9)).await;
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        })
    });
    let why = "received corrupt message of type InvalidContentType";
    assert_eq!(https_failure(NoHandshake { why, port }).await, Failure::SpeaksPlain);
}

/// nginx explains itself in plain HTTP on a port that speaks TLS: the certificate is what is wrong.
#[tokio::test(start_paused = true)]
async fn a_certificate_that_is_not_trusted() {
    let port = Memory(|mut stream: DuplexStream| {
        Ok(async move {
            let mut heard = [0; 512];
            let n = stream.read(&mut heard).await.unwrap_or_default();
            let hello = heard[..n].starts_with(&[0x16, 3]);
            let answer: &[u8] = if hello { &[0x16, 3, 3, 0, 90, 2] } else { b"HTTP/1.1 400 Bad Request\r\n\r\n" };
            let _ = stream.write_all(answer).await;
        })
    });
    let why = "invalid peer certificate: UnknownIssuer";
    assert_eq!(https_failure(NoHandshake { why, port }).await, Failure::Tls(why.to_owned()));
}

#[tokio::test]
async fn a_refused_port() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let uri = format!("http://{address}/").parse().unwrap();
    let dial = Arc::new(Tcp::new(&uri, None).unwrap());
    let failure = failure(dial, Target::new(&uri).unwrap()).await;
    assert!(failure.to_string().contains("refuses connections"), "{failure}");
}
