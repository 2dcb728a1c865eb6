//! One file on its way: opened, sent, sent again if the server asks for that, and what became of it.

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use http::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Uri, Version};
use tempfile::NamedTempFile;
use tenure::{Body, Fate};
use tokio::task::spawn_blocking;

use super::advice;
use super::content::{Content, Source};
use super::form::Form;
use super::gate::Gate;
use super::input::{Input, Kind, unreadable};
use super::journal::{Entry, Journal, Mark};
use super::progress::{Progress, Watched};
use crate::net::{Answer, Net, Stop, connect_advice};
use crate::report::{Failure, Item, Outcome, Reporter, units};

/// How long an answer to a request that was sent completely is waited for after Ctrl-C.
const LAST_WAIT: Duration = Duration::from_secs(2);
/// After so many attempts in a row without a connection the others are not tried.
const CONNECT_FAILURES: u32 = 3;

/// What all files of a run share.
pub(super) struct Run {
    pub(super) net: Net,
    pub(super) method: Method,
    pub(super) form: Option<Arc<Form>>,
    pub(super) journal: Option<Journal>,
    pub(super) gate: Gate,
    pub(super) reporter: Reporter,
    pub(super) stop: Stop,
    /// Every request says `Connection: close`.
    pub(super) connection_each: bool,
    connect_failures: AtomicU32,
    /// The rest is not sent.
    given_up: AtomicBool,
}

/// One file and where it goes.
pub(super) struct Job {
    pub(super) input: Input,
    pub(super) uri: Uri,
}

/// Why there is no answer.
enum NoAnswer {
    Error(tenure::Error),
    /// The server takes no more of the content.
    Stuck,
    Stopped,
}

impl Run {
    pub(super) fn new(net: Net, method: Method, reporter: Reporter, gate: Gate, stop: Stop) -> Self {
        Self {
            net,
            method,
            form: None,
            journal: None,
            gate,
            reporter,
            stop,
            connection_each: false,
            connect_failures: AtomicU32::new(0),
            given_up: AtomicBool::new(false),
        }
    }

    /// No further file is to be begun.
    pub(super) fn is_over(&self) -> bool {
        self.stop.is_requested() || self.given_up.load(Ordering::Relaxed)
    }

    /// Sends one file; `last` if nothing follows on its connection.
    pub(super) async fn deliver(&self, job: &Job, last: bool) -> Item {
        let begun = Instant::now();
        let mut item = Item::untried(job.input.name(), job.uri.to_string(), Outcome::Done);
        if let Err(failure) = self.try_deliver(job, last, &mut item).await {
            item.outcome = Outcome::Failed(failure);
        }
        item.took = begun.elapsed();
        item
    }

    async fn try_deliver(&self, job: &Job, last: bool, item: &mut Item) -> Result<(), Failure> {
        let opened = tokio::select! {
            opened = self.open(&job.input) => opened?,
            () = self.stop.requested() => return Err(stopped(None)),
        };
        let entry = self.journal.as_ref().zip(opened.source.stamp.filter(|_| matches!(job.input.kind, Kind::File(_))));
        let entry = entry.map(|(journal, stamp)| (journal, Entry::new(&self.method, &job.uri, &job.input.path, stamp)));
        // What may not be repeated must leave a trace before it is sent.
        if self.method == Method::POST {
            self.note(&entry, Mark::Sending)?;
        }
        let result = self.send(job, last, &opened.source, item).await;
        let mark = match &result {
            Ok(()) => Mark::Stored,
            Err(failure) => match failure.fate {
                Some(fate) if !fate.is_safe_to_retry() => Mark::Unknown,
                _ => Mark::Failed,
            },
        };
        self.note(&entry, mark)?;
        result
    }

    /// Opens the file; a pipe for HTTP/1.0, which has no chunks, is first copied to a file.
    async fn open(&self, input: &Input) -> Result<Opened, Failure> {
        let spools = self.net.version() == Version::HTTP_10 && !matches!(input.kind, Kind::File(_));
        // Kept out here: reading a pipe may never end, and Ctrl-C must not leave the copy behind.
        let spool = spools.then(|| NamedTempFile::with_prefix("tenure-send-")).transpose();
        let spool = spool.map_err(|e| unreadable(&e))?;
        let copy = spool.as_ref().map(|spool| io::Result::Ok((spool.as_file().try_clone()?, spool.path().to_owned())));
        let copy = copy.transpose().map_err(|e| unreadable(&e))?;
        let (path, kind) = (input.path.clone(), input.kind);
        let opening = spawn_blocking(move || {
            let source = match kind {
                Kind::File(_) => Source::open(&path)?,
                Kind::Pipe => Source::open_pipe(&path)?,
                Kind::Stdin => Source::stdin()?,
            };
            let Some((mut file, path)) = copy else { return Ok(source) };
            source.copy_to(&mut file)?;
            Source::open(&path)
        });
        let opened: io::Result<Source> = opening.await.unwrap_or_else(|e| Err(io::Error::other(e)));
        let source = opened.map_err(|e| unreadable(&e))?;
        Ok(Opened { source: Arc::new(source), _spool: spool })
    }

    async fn send(&self, job: &Job, last: bool, source: &Arc<Source>, item: &mut Item) -> Result<(), Failure> {
        let progress = Progress::new(self.reporter.bar().clone());
        loop {
            self.wait_for_server().await?;
            let request = self.request(job, last, source, &progress)?;
            let answer = match self.exchange(request, &progress).await {
                Ok(answer) => answer,
                Err(no_answer) => {
                    let failure = self.failure(no_answer, &progress);
                    progress.forget();
                    return Err(failure);
                }
            };
            self.connect_failures.store(0, Ordering::Relaxed);
            item.status = Some(answer.status);
            item.connection = answer.connection.clone();
            if let Some(sent) = progress.finished() {
                item.wait += answer.at.saturating_duration_since(sent);
            }
            if answer.status.is_success() {
                return self.stored(answer, source, &progress, item);
            }
            progress.forget();
            self.may_try_again(&answer, source)?;
            let wait = answer.retry_after.unwrap_or_default();
            let name = job.input.name();
            self.reporter.note(&format!(
                "{name}: {} from the server, waiting {}",
                answer.status,
                units::duration(wait)
            ));
        }
    }

    fn stored(&self, answer: Answer, source: &Source, progress: &Progress, item: &mut Item) -> Result<(), Failure> {
        if progress.finished().is_none() {
            let what = format!("the server answered {} before it had taken all of the content", answer.status);
            return Err(Failure::new(what).advice("look what the server has").fate(Fate::Unknown));
        }
        item.bytes = source.stamp.map_or_else(|| progress.bytes(), |stamp| stamp.len);
        item.place = answer.location;
        Ok(())
    }

    async fn wait_for_server(&self) -> Result<(), Failure> {
        tokio::select! {
            () = self.gate.pass() => Ok(()),
            () = self.stop.requested() => Err(stopped(None)),
        }
    }

    /// An answer that is no success: fine if the server names a time to come back, there is the
    /// time, and the content can be had again.
    fn may_try_again(&self, answer: &Answer, source: &Source) -> Result<(), Failure> {
        let failure = Failure::new(answer.reason());
        let failure = match advice::for_status(answer.status, &self.method, &self.net) {
            Some(advice) => failure.advice(advice),
            None => failure,
        };
        let Some(wait) = answer.retry_after.filter(|_| answer.is_busy()) else { return Err(failure) };
        if !source.is_rewindable() {
            return Err(failure.advice("what came from a pipe cannot be sent again; write it to a file first"));
        }
        if !self.gate.hold(wait) {
            let seconds = wait.as_secs();
            return Err(failure.advice(format!(
                "the server asked to come back in {seconds} s, longer than was to be waited in all; raise --retry-wait"
            )));
        }
        Ok(())
    }

    fn request(
        &self,
        job: &Job,
        last: bool,
        source: &Arc<Source>,
        progress: &Arc<Progress>,
    ) -> Result<Request<Body>, Failure> {
        let mut builder = self.net.request(self.method.clone(), job.uri.clone());
        if let Some(fields) = builder.headers_mut() {
            if let Some(form) = &self.form {
                fields.insert(CONTENT_TYPE, form.content_type());
            } else if !fields.contains_key(CONTENT_TYPE) {
                // The name of a file promises nothing about its content, and the server can guess as well.
                fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
            }
            if last || self.connection_each {
                fields.insert(CONNECTION, HeaderValue::from_static("close"));
            }
        }
        let body = body(source, self.form.as_ref(), &job.input.path, progress);
        builder.body(body).map_err(|e| Failure::new(e.to_string()))
    }

    async fn exchange(&self, request: Request<Body>, progress: &Progress) -> Result<Answer, NoAnswer> {
        let work = async {
            let response = self.net.client.request(request).await.map_err(NoAnswer::Error)?;
            Ok(Answer::read(response, || progress.finished().is_none()).await)
        };
        let mut work = std::pin::pin!(work);
        tokio::select! {
            result = &mut work => return result,
            () = progress.stuck(self.net.timeout) => return Err(NoAnswer::Stuck),
            () = self.stop.requested() => {}
        }
        if progress.finished().is_none() {
            return Err(NoAnswer::Stopped);
        }
        // It is with the server: to know what became of it is worth a moment.
        tokio::time::timeout(LAST_WAIT, work).await.unwrap_or(Err(NoAnswer::Stopped))
    }

    fn failure(&self, no_answer: NoAnswer, progress: &Progress) -> Failure {
        let error = match no_answer {
            NoAnswer::Error(error) => error,
            NoAnswer::Stuck => {
                let what = format!("the server took no more content for {}", units::duration(self.net.timeout));
                return Failure::new(what).fate(Fate::Incomplete).advice("try again, or wait longer with --timeout");
            }
            NoAnswer::Stopped => return stopped(progress.finished().map(|_| Fate::Unknown)),
        };
        if error.is_connect() {
            if self.connect_failures.fetch_add(1, Ordering::Relaxed) + 1 >= CONNECT_FAILURES {
                self.given_up.store(true, Ordering::Relaxed);
            }
            return Failure::new(error.to_string()).fate(error.fate()).advice(connect_advice(&error));
        }
        if error.is_content() {
            let advice = "nothing of it counts on the server; send it again when nobody writes to it";
            return Failure::new(root(&error)).fate(error.fate()).advice(advice);
        }
        let advice = advice::for_fate(error.fate(), &self.method, self.journal.is_some());
        Failure::new(error.to_string()).fate(error.fate()).advice(advice)
    }

    /// Adds a line to the journal. Without it a second run could not know what this one did, so the
    /// run ends.
    fn note(&self, entry: &Option<(&Journal, Entry)>, mark: Mark) -> Result<(), Failure> {
        let Some((journal, entry)) = entry else { return Ok(()) };
        journal.note(mark, entry).map_err(|e| {
            self.given_up.store(true, Ordering::Relaxed);
            let what = if mark == Mark::Stored { "it was stored, but the journal" } else { "the journal" };
            Failure::new(format!("{what} cannot be written: {e}"))
                .advice("the run ends here; make room for the journal")
        })
    }
}

/// A source, and the temporary copy it reads from.
struct Opened {
    source: Arc<Source>,
    _spool: Option<NamedTempFile>,
}

fn body(source: &Arc<Source>, form: Option<&Arc<Form>>, path: &Path, progress: &Arc<Progress>) -> Body {
    let filename = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (from, form, progress) = (Arc::clone(source), form.cloned(), Arc::clone(progress));
    let make = move || {
        let content = Content::new(Arc::clone(&from));
        match &form {
            Some(form) => Body::stream(Watched::new(form.around(&filename, content), Arc::clone(&progress))),
            None => Body::stream(Watched::new(content, Arc::clone(&progress))),
        }
    };
    if source.is_rewindable() { Body::rewindable(make) } else { make() }
}

fn stopped(fate: Option<Fate>) -> Failure {
    match fate {
        None => Failure::new("stopped by Ctrl-C before it was sent"),
        Some(fate) => Failure::new("stopped by Ctrl-C before the server answered").fate(fate),
    }
}

/// What an error comes from in the end: here, what happened to the file.
fn root(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
