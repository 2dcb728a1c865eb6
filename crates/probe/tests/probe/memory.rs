//! A server in memory that behaves as it is told. With tokio's paused clock its times are exact and take none.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tenure_probe::{BoxFuture, Dial, EXPERIMENTS, Failure, Finding, Offer, Opened, Probe, Report, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep_until, timeout_at};

/// What a server does.
#[derive(Clone)]
pub(crate) struct Manners {
    /// How long it keeps an idle connection.
    pub(crate) idle: Duration,
    /// It looks at idle connections only at multiples of this.
    pub(crate) tick: Option<Duration>,
    pub(crate) announced: Option<u64>,
    /// What it says before it closes an idle connection.
    pub(crate) last_words: &'static [u8],
    /// It drops idle connections without a word.
    pub(crate) silent: bool,
    /// Requests a connection may carry.
    pub(crate) max: u64,
    /// The age at which a connection ends with the next response.
    pub(crate) max_age: Duration,
    /// A connection that is open keeps all others waiting.
    pub(crate) one_at_a_time: bool,
    /// The last response says close.
    pub(crate) announces_last: bool,
    /// It heeds `Connection: close` only if that is the field's whole value.
    pub(crate) whole_value: bool,
    /// After so many requests in all it takes no more connections, and closes those it has.
    pub(crate) dies_after: u64,
    /// It reads a request's content before it goes on.
    pub(crate) reads_content: bool,
    pub(crate) ignores_expect: bool,
    /// What it sends where no content is due.
    pub(crate) after_head: &'static str,
    pub(crate) after_304: &'static str,
    /// It answers 413 before longer content, and says close.
    pub(crate) most_content: u64,
    /// It goes on after a request that says close.
    pub(crate) ignores_close: bool,
    /// It answers 501 to a method that it does not know, and says close.
    pub(crate) refuses_methods: bool,
    /// It answers a request of HTTP/0.9 by content alone.
    pub(crate) speaks_http09: bool,
    /// How long it takes content to come.
    pub(crate) content: Duration,
    /// How long it takes a head to come.
    pub(crate) head: Duration,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(75),
            tick: None,
            announced: Some(70),
            last_words: b"",
            silent: false,
            max: u64::MAX,
            max_age: Duration::MAX,
            one_at_a_time: false,
            announces_last: true,
            whole_value: false,
            dies_after: u64::MAX,
            reads_content: true,
            ignores_expect: false,
            after_head: "",
            after_304: "",
            most_content: u64::MAX,
            ignores_close: false,
            refuses_methods: false,
            speaks_http09: false,
            content: Duration::from_secs(30),
            head: Duration::from_secs(30),
        }
    }
}

struct Server {
    manners: Manners,
    start: Instant,
    asked: AtomicU64,
    turn: tokio::sync::Mutex<()>,
}

impl Server {
    fn is_dead(&self) -> bool {
        self.asked.load(Ordering::Relaxed) > self.manners.dies_after
    }

    async fn serve(self: Arc<Self>, mut stream: DuplexStream) {
        let manners = &self.manners;
        let _turn = if manners.one_at_a_time { Some(self.turn.lock().await) } else { None };
        let opened = Instant::now();
        let mut carried = 0;
        loop {
            let mut until = Instant::now() + if carried == 0 { manners.head } else { manners.idle };
            if let (Some(tick), true) = (manners.tick, carried > 0) {
                let ticks = (until - self.start).as_millis().div_ceil(tick.as_millis());
                until = self.start + tick * u32::try_from(ticks).unwrap();
            }
            let Some(head) = head(&mut stream, until).await else {
                if manners.silent {
                    // Whatever comes is lost.
                    sleep_until(Instant::now() + Duration::from_secs(3_600)).await;
                }
                let _ = stream.write_all(manners.last_words).await;
                return;
            };
            carried += 1;
            self.asked.fetch_add(1, Ordering::Relaxed);
            if self.is_dead() {
                return;
            }
            if is_http09(head.as_bytes()) && manners.speaks_http09 {
                let _ = stream.write_all(b"hi").await;
                return;
            }
            if !head.lines().next().is_some_and(|line| line.contains(" HTTP/1.")) {
                let _ = stream
                    .write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    .await;
                return;
            }
            let last = carried == manners.max || opened.elapsed() >= manners.max_age;
            let close = last || self.wants_close(&head);
            let option = match (close && (!last || manners.announces_last), manners.announced) {
                (true, _) => "Connection: close\r\n".to_owned(),
                (false, Some(seconds)) => format!("Connection: keep-alive\r\nKeep-Alive: timeout={seconds}\r\n"),
                (false, None) => "Connection: keep-alive\r\n".to_owned(),
            };
            let known = ["GET ", "HEAD ", "OPTIONS "].iter().any(|method| head.starts_with(method));
            let refusal = if length(&head).is_some_and(|length| length > manners.most_content) {
                Some("413 Content Too Large")
            } else {
                (!known && manners.refuses_methods).then_some("501 Not Implemented")
            };
            if let Some(refusal) = refusal {
                let answer = format!("HTTP/1.1 {refusal}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
                let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
                return;
            }
            if head.contains("100-continue") && !manners.ignores_expect {
                let _ = stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await;
            }
            if manners.reads_content {
                let read = tokio::time::timeout(manners.content, content(&mut stream, &head)).await;
                if read.is_err() {
                    return;
                }
            }
            let response = if head.contains("If-None-Match") {
                format!("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n{option}\r\n{}", manners.after_304)
            } else {
                let content = if head.starts_with("HEAD ") { manners.after_head } else { "hi" };
                format!("HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 2\r\n{option}\r\n{content}")
            };
            if stream.write_all(response.as_bytes()).await.is_err() || close {
                return;
            }
        }
    }

    fn wants_close(&self, head: &str) -> bool {
        if self.manners.ignores_close {
            return false;
        }
        let values: Vec<_> = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .filter(|(name, _)| name.eq_ignore_ascii_case("connection"))
            .map(|(_, value)| value.to_ascii_lowercase())
            .collect();
        if self.manners.whole_value {
            return values.iter().any(|value| value == "close");
        }
        let options: Vec<_> = values.iter().flat_map(|value| value.split(',')).map(str::trim).collect();
        options.contains(&"close") || (head.contains("HTTP/1.0\r") && !options.contains(&"keep-alive"))
    }
}

/// A whole head; `None` at the end, or if there is none in time.
pub(crate) async fn head(stream: &mut DuplexStream, until: Instant) -> Option<String> {
    let mut head = Vec::new();
    while !(head.ends_with(b"\r\n\r\n") && head != b"\r\n\r\n" || is_http09(&head)) {
        head.push(timeout_at(until, stream.read_u8()).await.ok()?.ok()?);
    }
    // RFC 9112 section 2.2: an empty line before it is ignored.
    String::from_utf8(head).ok().map(|head| head.trim_start().to_owned())
}

/// A first line without a version.
fn is_http09(head: &[u8]) -> bool {
    head.starts_with(b"GET ") && head.ends_with(b"\r\n") && !head.windows(6).any(|bytes| bytes == b" HTTP/")
}

fn length(head: &str) -> Option<u64> {
    head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok())
}

/// Reads the content of a request with this head.
async fn content(stream: &mut DuplexStream, head: &str) {
    if let Some(length) = length(head) {
        let _ = tokio::io::copy(&mut stream.take(length), &mut tokio::io::sink()).await;
    } else if head.contains("chunked") {
        let mut end = Vec::new();
        while !end.ends_with(b"\r\n\r\n") {
            let Ok(byte) = stream.read_u8().await else { return };
            end.push(byte);
        }
    }
}

/// Connections in memory, each served by what `F` makes of it.
pub(crate) struct Memory<F>(pub(crate) F);

impl<F, T> Dial for Memory<F>
where
    F: Fn(DuplexStream) -> Result<T, Failure> + Send + Sync,
    T: Future<Output = ()> + Send + 'static,
{
    fn dial(&self) -> BoxFuture<'_, Result<Opened, Failure>> {
        self.dial_plain()
    }

    fn dial_tls(&self, _: Offer) -> BoxFuture<'_, Result<Opened, Failure>> {
        self.dial()
    }

    fn dial_plain(&self) -> BoxFuture<'_, Result<Opened, Failure>> {
        let (ours, theirs) = tokio::io::duplex(65_536);
        let served = (self.0)(theirs).map(|serving| {
            tokio::spawn(serving);
            Opened { stream: Box::new(ours), tls: None }
        });
        Box::pin(async { served })
    }

    fn address(&self) -> Option<SocketAddr> {
        None
    }
}

pub(crate) fn target() -> Target {
    Target::new(&"http://probed.test/page".parse().unwrap()).unwrap()
}

/// A probe of a server with these manners.
pub(crate) fn probe(manners: Manners) -> Probe {
    let server = Arc::new(Server {
        manners,
        start: Instant::now(),
        asked: AtomicU64::new(0),
        turn: tokio::sync::Mutex::default(),
    });
    let serve = move |stream| {
        if server.is_dead() {
            return Err(Failure::Unreachable("scripted: refused".to_owned()));
        }
        Ok(Arc::clone(&server).serve(stream))
    };
    Probe::new(Arc::new(Memory(serve)), target())
}

/// What one experiment says of such a server.
pub(crate) async fn report(experiment: &str, manners: Manners) -> Report {
    let experiment = EXPERIMENTS.iter().find(|e| e.name == experiment).unwrap();
    probe(manners).only(&[experiment]).run(|_| {}).await.unwrap()
}

pub(crate) fn finding<'a>(report: &'a Report, subject: &str) -> &'a Finding {
    report.findings.iter().find(|f| f.subject == subject).unwrap_or_else(|| panic!("{subject}: {report:#?}"))
}
