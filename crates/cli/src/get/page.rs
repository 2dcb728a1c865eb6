//! `tenure get --page`: a page with what it needs, over one connection to a server and again over
//! six, as browsers do.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use http::Uri;
use tenure::client::Pipelining;
use tokio::task::JoinSet;

use super::fetch::{Copy, Job, Run};
use super::name::Names;
use super::place::Place;
use super::resources::resources;
use super::{Args, FETCHED, code};
use crate::net::{Queue, Stop, Wire, WrongUse, url};
use crate::report::{Failure, Manner, Outcome, Reporter, Stream, Summary, say};

/// Connections to a server that browsers make at once.
const BROWSER: u16 = 6;

/// Fetches it twice and compares; the exit code.
pub(super) async fn run(args: &Args, page: Uri) -> Result<u8, Box<dyn Error>> {
    let stop = Stop::on_signal();
    let one = once(args, &page, 1, &stop).await?;
    one.reporter.tell(&one.summary, Some("1-connection"));
    if stop.is_requested() {
        return Ok(one.code(&stop));
    }
    let six = once(args, &page, BROWSER, &stop).await?;
    six.reporter.tell(&six.summary, Some("6-connections"));
    six.reporter.compare_page(&one.summary, &six.summary);
    Ok(one.code(&stop).max(six.code(&stop)))
}

/// A page that was fetched, or not.
struct Done {
    summary: Summary,
    reporter: Reporter,
    /// The wire log could not be written.
    damaged: bool,
}

impl Done {
    fn code(&self, stop: &Stop) -> u8 {
        code(&self.summary, stop, self.damaged || self.reporter.is_damaged())
    }
}

/// Fetches the page over at most so many connections to each server. The first run keeps what the
/// options want kept.
async fn once(args: &Args, page: &Uri, connections: u16, stop: &Stop) -> Result<Done, Box<dyn Error>> {
    let first = connections == 1;
    let net = args.net.client_over(connections, Pipelining::Off, if first { Wire::Log } else { Wire::NoLog })?;
    let manner = Manner { json: args.json, quiet: false, stream: Stream::Stdout, words: FETCHED };
    let (reporter, tally) = (Reporter::new(manner, 1, 0), Arc::clone(&net.tally));
    let mut places = Places { folder: args.output_dir.as_deref().filter(|_| first), names: Names::default() };
    let run = Arc::new(Run::new(net, reporter, stop.clone()));

    let mut copy = Copy::default();
    let mut item = run.fetch_page(&Job { uri: page.clone(), place: places.of(page) }, &mut copy).await;
    let needed = match (&item.outcome, item.url.parse()) {
        (Outcome::Done, Ok(uri)) if copy.is_html => resources(&uri, &copy.content),
        (Outcome::Done, _) => {
            let failure = Failure::new(format!("this is no page of HTML, but {}", copy.kind));
            item.outcome = Outcome::Failed(failure.advice("without --page it can be fetched as it is"));
            Vec::new()
        }
        _ => Vec::new(),
    };
    run.reporter.ended(item);
    fetch_all(&run, needed, &mut places, connections.into()).await?;

    let run = Arc::into_inner(run).ok_or("a worker outlived its run")?;
    // Idle connections end here, and are counted.
    drop(run.net);
    let summary = Summary { is_fixed: true, ..run.reporter.sum_up(&tally, connections.into()) };
    let damaged = tally.finish().map_err(|e| say(Stream::Stderr, &format!("the wire log is incomplete: {e}"))).is_err();
    Ok(Done { summary, reporter: run.reporter, damaged })
}

/// Fetches the rest, from every server at once.
async fn fetch_all(
    run: &Arc<Run>,
    uris: Vec<Uri>,
    places: &mut Places<'_>,
    workers: usize,
) -> Result<(), Box<dyn Error>> {
    let mut origins: Vec<(String, Vec<Job>)> = Vec::new();
    for uri in uris {
        let (origin, job) = (url::origin(&uri), Job { place: places.of(&uri), uri });
        match origins.iter_mut().find(|(known, _)| *known == origin) {
            Some((_, jobs)) => jobs.push(job),
            None => origins.push((origin, vec![job])),
        }
    }
    let mut tasks = JoinSet::new();
    let mut queues = Vec::new();
    for (_, jobs) in origins {
        let queue = Arc::new(Queue::new(jobs.into_iter().map(|job| ((), job)), workers));
        for worker in 0..workers {
            tasks.spawn(Arc::clone(run).work(Arc::clone(&queue), worker));
        }
        queues.push(queue);
    }
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    run.reporter.untried(queues.iter().map(|queue| queue.drain().len() as u64).sum());
    Ok(())
}

/// Where what is fetched goes: into a folder, or nowhere.
struct Places<'a> {
    folder: Option<&'a Path>,
    names: Names,
}

impl Places<'_> {
    fn of(&mut self, uri: &Uri) -> Place {
        self.folder.map_or(Place::Nowhere, |folder| Place::File(folder.join(self.names.of(uri))))
    }
}

/// The one page that is asked for.
pub(super) fn page(args: &Args) -> Result<Uri, WrongUse> {
    match &args.urls[..] {
        [page] => url::parse(page),
        _ => Err(WrongUse::new(format!("--page takes one URL, and there are {}", args.urls.len()))),
    }
}
