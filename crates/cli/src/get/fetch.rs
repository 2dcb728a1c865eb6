//! One URL fetched: redirections followed, content put where it belongs, complete or not at all.

use std::hash::Hash;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Instant;

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, LOCATION,
};
use http::{Method, Response, StatusCode, Uri};
use http_body_util::BodyExt;
use tenure::client::Pipelining;
use tenure::{Body, ResponseExt as _};

use super::place::{Place, Sink};
use crate::net::{Answer, Net, Queue, Stop, connect_advice, url};
use crate::report::{Failure, Item, Outcome, Reporter, units};

/// Redirections in a row that are followed.
const REDIRECTIONS: usize = 10;
/// After so many attempts in a row without a connection the others are not tried.
const CONNECT_FAILURES: u32 = 3;

/// No page of HTML is longer.
const PAGE: usize = 16 << 20;

/// What all URLs of a run share.
pub(super) struct Run {
    pub(super) net: Net,
    pub(super) reporter: Reporter,
    pub(super) stop: Stop,
    connect_failures: AtomicU32,
    /// The rest is not fetched.
    given_up: AtomicBool,
    /// Whoever read standard output has gone.
    reader_gone: AtomicBool,
}

/// One URL, and where its content goes.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) uri: Uri,
    pub(super) place: Place,
}

/// The content of a page, and what it is.
#[derive(Default, Debug)]
pub(super) struct Copy {
    pub(super) content: Vec<u8>,
    pub(super) is_html: bool,
    /// Its media type and coding, for people.
    pub(super) kind: String,
}

impl Copy {
    fn describe(&mut self, fields: &HeaderMap) {
        let text = |name| fields.get(name).and_then(|value| value.to_str().ok());
        let kind = text(CONTENT_TYPE).unwrap_or("of no known type");
        let media_type = kind.split(';').next().unwrap_or_default().trim();
        let is_html = ["text/html", "application/xhtml+xml"].iter().any(|html| media_type.eq_ignore_ascii_case(html));
        let coding = text(CONTENT_ENCODING).filter(|coding| !coding.eq_ignore_ascii_case("identity"));
        self.is_html = is_html && coding.is_none();
        self.kind = coding.map_or_else(|| kind.to_owned(), |coding| format!("{kind}, coded by {coding}"));
    }

    fn add(&mut self, data: &[u8]) -> Result<(), Failure> {
        if self.content.len() + data.len() > PAGE {
            return Err(Failure::new(format!("the page is longer than {}", units::bytes(PAGE as u64))));
        }
        self.content.extend_from_slice(data);
        Ok(())
    }
}

impl Run {
    pub(super) const fn new(net: Net, reporter: Reporter, stop: Stop) -> Self {
        Self {
            net,
            reporter,
            stop,
            connect_failures: AtomicU32::new(0),
            given_up: AtomicBool::new(false),
            reader_gone: AtomicBool::new(false),
        }
    }

    /// No further URL is to be begun.
    pub(super) fn is_over(&self) -> bool {
        self.stop.is_requested() || self.given_up.load(Ordering::Relaxed) || self.is_reader_gone()
    }

    pub(super) fn is_reader_gone(&self) -> bool {
        self.reader_gone.load(Ordering::Relaxed)
    }

    /// Fetches what a worker is given, until there is nothing left for it.
    pub(super) async fn work<K: Eq + Hash + Clone>(self: Arc<Self>, queue: Arc<Queue<K, Job>>, worker: usize) {
        while !self.is_over()
            && let Some(taken) = queue.take(worker)
        {
            // A request that says close would have to wait for those that are under way before it.
            let last = taken.last && self.net.pipelining == Pipelining::Off;
            self.reporter.ended(self.fetch(&taken.item, last, None).await);
        }
    }

    /// Fetches a page, on whose connection more may follow; what came is kept in `copy` too.
    pub(super) async fn fetch_page(&self, job: &Job, copy: &mut Copy) -> Item {
        self.fetch(job, false, Some(copy)).await
    }

    /// Fetches one URL; `last` if nothing follows on its connection.
    async fn fetch(&self, job: &Job, last: bool, copy: Option<&mut Copy>) -> Item {
        let begun = Instant::now();
        let mut item = Item::untried(job.uri.to_string(), job.uri.to_string(), Outcome::Done);
        let result = tokio::select! {
            result = self.try_fetch(job, last, copy, &mut item) => result,
            () = self.stop.requested() => Err(Failure::new("stopped by Ctrl-C before it was complete")),
        };
        if let Err(failure) = result {
            item.outcome = Outcome::Failed(failure);
        }
        item.took = begun.elapsed();
        item
    }

    async fn try_fetch(
        &self,
        job: &Job,
        last: bool,
        mut copy: Option<&mut Copy>,
        item: &mut Item,
    ) -> Result<(), Failure> {
        let response = self.follow(&job.uri, last, item).await?;
        if !response.status().is_success() {
            return Err(refused(response, &self.net).await);
        }
        if let Some(copy) = &mut copy {
            copy.describe(response.headers());
        }
        let mut sink = job.place.open().await.map_err(|e| unwritable(&e, &job.place))?;
        let mut body = response.into_body();
        if let Some(len) = http_body::Body::size_hint(&body).exact() {
            self.reporter.bar().inc_length(len);
        }
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|e| self.broken(&e, item.bytes, &sink))?;
            if let Ok(data) = frame.into_data() {
                if let Some(copy) = &mut copy {
                    copy.add(&data)?;
                }
                sink.write(&data).await.map_err(|e| self.not_written(&e, &job.place))?;
                item.bytes += data.len() as u64;
                self.reporter.bar().inc(data.len() as u64);
            }
        }
        sink.complete().await.map_err(|e| self.not_written(&e, &job.place))?;
        if let Place::File(path) = &job.place {
            item.place = Some(path.to_string_lossy().into_owned());
        }
        Ok(())
    }

    /// The first response that is no redirection, or one that is not followed.
    async fn follow(&self, from: &Uri, last: bool, item: &mut Item) -> Result<Response<Body>, Failure> {
        let mut uri = from.clone();
        for redirections in 0.. {
            let response = self.request(from, &uri, last, item).await?;
            let Some(next) = redirection(&uri, &response) else { return Ok(response) };
            if redirections == REDIRECTIONS {
                let what = format!("redirected {REDIRECTIONS} times, and still to {next}");
                return Err(Failure::new(what).advice("the server sends its clients in a circle"));
            }
            // Its content is for people who do not follow.
            Answer::read(response, || false).await;
            uri = next;
            item.url = uri.to_string();
        }
        Err(Failure::new("unreachable: the loop above has no other end"))
    }

    async fn request(&self, from: &Uri, uri: &Uri, last: bool, item: &mut Item) -> Result<Response<Body>, Failure> {
        let mut builder = self.net.request(Method::GET, uri.clone());
        if let Some(fields) = builder.headers_mut() {
            if url::origin(from) != url::origin(uri) {
                // What opens one server is no other's business.
                fields.remove(AUTHORIZATION);
                fields.remove(COOKIE);
            } else if last {
                fields.insert(CONNECTION, HeaderValue::from_static("close"));
            }
        }
        let request = builder.body(Body::empty()).map_err(|e| Failure::new(e.to_string()))?;
        let begun = Instant::now();
        let response = self.net.client.request(request).await.map_err(|e| self.unanswered(&e))?;
        self.connect_failures.store(0, Ordering::Relaxed);
        item.status = Some(response.status());
        item.connection = response.connection().cloned();
        let connecting = item.connection.as_ref().filter(|c| !c.is_reused()).map(|c| self.net.tally.took(c.id));
        item.wait += begun.elapsed().saturating_sub(connecting.unwrap_or_default());
        Ok(response)
    }

    fn unanswered(&self, error: &tenure::Error) -> Failure {
        let failure = Failure::new(error.to_string()).fate(error.fate());
        if !error.is_connect() {
            return failure.advice("it can be asked for again");
        }
        if self.connect_failures.fetch_add(1, Ordering::Relaxed) + 1 >= CONNECT_FAILURES {
            self.given_up.store(true, Ordering::Relaxed);
        }
        failure.advice(connect_advice(error))
    }

    fn broken(&self, error: &tenure::Error, bytes: u64, sink: &Sink) -> Failure {
        let kept = match sink {
            Sink::File { .. } => "nothing was kept".to_owned(),
            _ => format!("{} had been written out", units::bytes(bytes)),
        };
        Failure::new(format!("the response broke off after {}: {error}; {kept}", units::bytes(bytes)))
            .fate(error.fate())
            .advice("it can be asked for again")
    }

    fn not_written(&self, error: &io::Error, place: &Place) -> Failure {
        if *place == Place::Stdout { self.stdout_failed(error) } else { unwritable(error, place) }
    }

    /// Without standard output there is no use in going on.
    fn stdout_failed(&self, error: &io::Error) -> Failure {
        self.given_up.store(true, Ordering::Relaxed);
        if error.kind() == ErrorKind::BrokenPipe {
            self.reader_gone.store(true, Ordering::Relaxed);
        }
        Failure::new(format!("standard output cannot be written: {error}"))
    }
}

/// Where a response points, if it is one that a GET follows (RFC 9110 section 15.4). Never from https
/// to http.
fn redirection(from: &Uri, response: &Response<Body>) -> Option<Uri> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let to = url::resolve(from, response.headers().get(LOCATION)?.to_str().ok()?)?;
    (url::is_secure(&to) || !url::is_secure(from)).then_some(to)
}

async fn refused(response: Response<Body>, net: &Net) -> Failure {
    let answer = Answer::read(response, || false).await;
    let failure = Failure::new(answer.reason());
    match answer.status {
        StatusCode::UNAUTHORIZED => failure.advice(net.login_advice()),
        StatusCode::BAD_REQUEST => {
            failure.advice("the server did not understand the request; --wire FILE shows what was sent")
        }
        StatusCode::FORBIDDEN => failure.advice("the server does not allow this; try another -u"),
        StatusCode::NOT_FOUND | StatusCode::GONE => failure.advice("there is nothing at this URL; check it"),
        status if status.is_redirection() => failure.advice("if that is what you want, get that URL"),
        _ if answer.is_busy() => match answer.retry_after {
            Some(wait) => failure.advice(format!("try again in {}", units::duration(wait))),
            None => failure.advice("try again later"),
        },
        _ => failure,
    }
}

fn unwritable(error: &io::Error, place: &Place) -> Failure {
    let name = match place {
        Place::Stdout => "standard output".to_owned(),
        Place::Nowhere => "nothing".to_owned(),
        Place::File(path) => units::path(path),
    };
    let failure = Failure::new(format!("{name} cannot be written: {error}"));
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => failure.advice("make room there; nothing was kept"),
        ErrorKind::IsADirectory => failure.advice("there is a folder of this name; choose another place"),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            failure.advice("choose a folder that you may write to")
        }
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections_that_are_followed() {
        let rows = [
            ("http://h/a", 301, "/b", Some("http://h/b")),
            ("http://h/a", 302, "b", Some("http://h/b")),
            ("http://h/a", 303, "https://h/b", Some("https://h/b")),
            ("http://h/a", 307, "//other/b", Some("http://other/b")),
            ("https://h/a", 308, "/b", Some("https://h/b")),
            ("https://h/a", 301, "http://h/b", None),
            ("http://h/a", 300, "/b", None),
            ("http://h/a", 304, "/b", None),
            ("http://h/a", 200, "/b", None),
            ("http://h/a", 301, "file:///etc/passwd", None),
        ];
        for (from, status, location, expected) in rows {
            let response = Response::builder().status(status).header(LOCATION, location).body(Body::empty()).unwrap();
            let to = redirection(&from.parse().unwrap(), &response).map(|uri| uri.to_string());
            assert_eq!(to.as_deref(), expected, "{from} {status} {location}");
        }
        let nowhere = Response::builder().status(301).body(Body::empty()).unwrap();
        assert_eq!(redirection(&"http://h/".parse().unwrap(), &nowhere), None);
    }
}
