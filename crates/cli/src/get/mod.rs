//! `tenure get`: many URLs over persistent connections.
//!
//! One walk: `name` gives each URL a file, `fetch` asks for it and follows redirections, `place`
//! keeps what came when it is complete. `crate::report` tells of it all. `page` does that with a page
//! and with what `resources` finds in it.

mod fetch;
mod name;
mod page;
mod place;
mod resources;

use std::error::Error;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::Uri;
use tenure::client::Pipelining;
use tokio::task::JoinSet;

use crate::net::{Ended, NetArgs, Queue, STOPPED, Stop, Wire, WrongUse, exit_code, list, url};
use crate::path_arg;
use crate::report::{Manner, Reporter, Stream, Summary, Words, say, units};
use fetch::{Job, Run};
use name::Names;
use place::Place;

/// Fetch URLs over persistent connections.
///
/// Without -o or --output-dir the content goes to standard output, one URL after the other in the
/// order given, and the report to standard error. A file has its name only when it is complete: what
/// broke off leaves nothing behind. A status other than 2xx is a failure.
///
/// Up to 10 redirections in a row are followed, but not from https to http; -u and cookies go to the
/// server they were given for and to no other.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tenure get https://host/a.txt
  tenure get https://host/a.iso -o a.iso
  tenure get https://host/{a,b,c}.jpg --output-dir pictures
  tenure get --files-from urls.txt --output-dir pages --connections 4
  tenure get --page https://host/
  tenure get --files-from urls.txt --output-dir pages --pipeline 20

Exit codes: 0 all fetched, 1 something failed, 2 wrong use, 130 stopped by Ctrl-C.")]
pub(crate) struct Args {
    /// What to fetch, http or https
    #[arg(value_name = "URL", required_unless_present = "files_from")]
    urls: Vec<String>,
    /// Also fetch the URLs listed in this file, one a line; '-' reads the list from standard input
    #[arg(long, value_name = "FILE")]
    files_from: Option<PathBuf>,

    /// Fetch one page with its images, scripts and styles, over 1 and then over 6 connections, and compare
    ///
    /// What is fetched is thrown away, unless --output-dir keeps what came over the one connection. What only
    /// style sheets and scripts know of is not fetched.
    #[arg(long, conflicts_with_all = ["files_from", "output", "connections"])]
    page: bool,

    /// Write the content of one URL to this file; '-' is standard output
    #[arg(short, long, value_name = "FILE", conflicts_with = "output_dir", value_parser = path_arg::made_or_stdout(), help_heading = "Output")]
    output: Option<PathBuf>,
    /// Write each to a file of this folder, named as the last part of its URL
    ///
    /// The folder is made if it is missing. A file that is there is replaced; the second of one name in
    /// the same run gets a number: 'a.txt', 'a-2.txt'. A URL that ends with '/' becomes 'index.html'.
    #[arg(long, value_name = "DIR", value_parser = path_arg::made(), help_heading = "Output")]
    output_dir: Option<PathBuf>,
    /// Send up to this many requests ahead of their answers on each connection (pipelining)
    ///
    /// Only to servers that have kept a connection with HTTP/1.1. What a connection's end leaves unanswered is
    /// asked for again, and a server that loses or mixes answers is asked one at a time.
    #[arg(long, value_name = "DEPTH", requires = "output_dir", conflicts_with_all = ["page", "http10"], value_parser = clap::value_parser!(u8).range(2..), help_heading = "Connections")]
    pipeline: Option<u8>,
    /// Print one JSON object a line: each URL as it ends, then the summary
    #[arg(long, help_heading = "Output")]
    json: bool,

    #[command(flatten)]
    net: NetArgs,
}

const FETCHED: Words = Words { done: "fetched" };

/// Runs the command; its exit code.
///
/// # Errors
/// It could not even begin.
pub(crate) async fn run(args: Args) -> Result<u8, Box<dyn Error>> {
    exit_code("get", get(args).await)
}

async fn get(args: Args) -> Result<u8, Box<dyn Error>> {
    if args.page {
        let page = page::page(&args)?;
        args.net.fields()?;
        make_output_dir(&args)?;
        return page::run(&args, page).await;
    }
    let jobs = jobs(&args)?;
    let net = args.net.client(args.pipelining(), Wire::Log)?;
    make_output_dir(&args)?;
    let stop = Stop::on_signal();
    let to_stdout = jobs.iter().any(|job| job.place == Place::Stdout);
    // In order means one after the other.
    let workers = if to_stdout { 1 } else { net.connections * usize::from(args.pipeline.unwrap_or(1)) };
    let stream = if to_stdout { Stream::Stderr } else { Stream::Stdout };
    let manner = Manner { json: args.json, quiet: false, stream, words: FETCHED };
    let reporter = if to_stdout && std::io::stdout().is_terminal() {
        Reporter::without_bar(manner)
    } else {
        Reporter::new(manner, jobs.len() as u64, 0)
    };
    let tally = Arc::clone(&net.tally);
    let run = fetch_all(Run::new(net, reporter, stop.clone()), jobs, workers).await?;

    let reader_gone = run.is_reader_gone();
    // Idle connections end here, and are counted.
    drop(run.net);
    let summary = run.reporter.sum_up(&tally, workers);
    let damaged = tally.finish().map_err(|e| say(Stream::Stderr, &format!("the wire log is incomplete: {e}"))).is_err();
    if !reader_gone {
        run.reporter.tell(&summary, None);
    }
    Ok(code(&summary, &stop, damaged || run.reporter.is_damaged()))
}

impl Args {
    fn pipelining(&self) -> Pipelining {
        self.pipeline.map_or(Pipelining::Off, |depth| Pipelining::Safe { depth })
    }
}

/// The last that can be wrong: wrong use leaves nothing behind.
fn make_output_dir(args: &Args) -> Result<(), WrongUse> {
    let Some(folder) = &args.output_dir else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|e| WrongUse::new(format!("--output-dir {}: {e}", units::path(folder))))
}

async fn fetch_all(run: Run, jobs: Vec<Job>, workers: usize) -> Result<Run, Box<dyn Error>> {
    let queue = Arc::new(Queue::new(jobs.into_iter().map(|job| (url::origin(&job.uri), job)), workers));
    let run = Arc::new(run);
    let mut tasks = JoinSet::new();
    for worker in 0..workers {
        tasks.spawn(Arc::clone(&run).work(Arc::clone(&queue), worker));
    }
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    run.reporter.untried(queue.drain().len() as u64);
    Ok(Arc::into_inner(run).ok_or("a worker outlived its run")?)
}

fn code(summary: &Summary, stop: &Stop, damaged: bool) -> u8 {
    let failed = damaged || !summary.failures.is_empty() || summary.untried > 0;
    if failed && stop.is_requested() { STOPPED } else { failed.into() }
}

/// What the command line asks for.
fn jobs(args: &Args) -> Result<Vec<Job>, WrongUse> {
    let mut uris: Vec<Uri> = args.urls.iter().map(|text| url::parse(text)).collect::<Result<_, _>>()?;
    if let Some(from) = &args.files_from {
        for line in list("--files-from", from, Ended::Line)? {
            uris.push(url::parse(&line.to_string_lossy())?);
        }
    }
    if uris.is_empty() {
        return Err(WrongUse::new("no URL to fetch: the list is empty"));
    }
    let mut names = Names::default();
    let place: Box<dyn FnMut(&Uri) -> Place> = match (&args.output, &args.output_dir) {
        (Some(_), _) if uris.len() > 1 => {
            let n = uris.len();
            return Err(WrongUse::new(format!(
                "-o takes the content of one URL, and there are {n}; --output-dir DIR takes many"
            )));
        }
        (Some(file), _) if file.as_os_str() != "-" => {
            let place = Place::File(output(file)?);
            Box::new(move |_| place.clone())
        }
        (_, Some(folder)) => Box::new(move |uri| Place::File(folder.join(names.of(uri)))),
        _ => Box::new(|_| Place::Stdout),
    };
    let places: Vec<Place> = uris.iter().map(place).collect();
    Ok(uris.into_iter().zip(places).map(|(uri, place)| Job { uri, place }).collect())
}

fn output(file: &Path) -> Result<PathBuf, WrongUse> {
    let name = units::path(file);
    if file.is_dir() {
        return Err(WrongUse::new(format!("-o {name}: this is a folder; use --output-dir {name}")));
    }
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            Err(WrongUse::new(format!("-o {name}: there is no such folder")))
        }
        _ => Ok(file.to_owned()),
    }
}
