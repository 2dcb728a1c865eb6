//! `tenure send`: many files to a server over persistent connections.
//!
//! One walk: `input` finds the files, `target` says where each goes, `journal` which were stored
//! before; `deliver` sends one, `content` reads it, `form` wraps it, `gate` waits when the server asks
//! for that, `advice` says what can be done about a failure. `crate::report` tells of it all.

mod advice;
mod content;
mod deliver;
mod embedded;
mod form;
mod gate;
mod input;
mod journal;
mod plan;
mod progress;
mod target;

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use tenure::client::Pipelining;
use tokio::task::JoinSet;

use crate::net::{NetArgs, Queue, STOPPED, Stop, Wire, WrongUse, exit_code};
use crate::path_arg;
use crate::report::{Manner, Reporter, Stream, Summary, Words, say};
use deliver::Run;
pub(crate) use embedded::Embedded;
use form::Form;
use gate::Gate;
use journal::Journal;
use plan::Plan;
use target::Target;

/// Send files to a server over persistent connections.
///
/// Each file is the content of one POST (or PUT), and counts as stored when the server answers
/// 2xx. All go over one connection, unless the server ends it or --connections allows more. The
/// last request on each connection says 'Connection: close'.
///
/// Without --to a server is started on loopback in a temporary folder, and the files go there: that
/// changes nothing and shows what a connection can do.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  tenure send photos --to 'https://host/in/{path}' --method PUT -u me:secret
  tenure send *.csv --to https://host/import --form file
  find . -name '*.log' -print0 | tenure send --files-from - -0 --to https://host/logs/
  tar c photos | tenure send - --to https://host/in/photos.tar
  tenure send photos --to https://host/in/ --journal photos.journal

Exit codes: 0 all stored, 1 something failed, 2 wrong use, 130 stopped by Ctrl-C.")]
pub(crate) struct Args {
    /// Files, folders (with all they hold, links out of them excepted), or '-' for standard input
    #[arg(value_name = "FILE|DIR|-", required_unless_present = "files_from")]
    files: Vec<PathBuf>,
    /// Also send the files listed in this file, one a line; '-' reads the list from standard input
    #[arg(long, value_name = "FILE")]
    files_from: Option<PathBuf>,
    /// The list's entries end with a NUL each, as from 'find -print0'
    #[arg(short = '0', long, requires = "files_from")]
    null: bool,

    /// Where to send: {path} stands for the path as it was given, {name} for its last part
    ///
    /// Both are percent-encoded; a path is made relative, without '..'. Without a placeholder the path
    /// is added to a URL that ends with '/', and every file goes to exactly a URL that does not (with
    /// --form also to one that does).
    #[arg(long, value_name = "URL", help_heading = "Requests")]
    to: Option<String>,
    /// POST or PUT; a PUT is sent again when its connection was lost, a POST only if that is harmless
    #[arg(long, value_enum, ignore_case = true, default_value_t = Verb::Post, help_heading = "Requests")]
    method: Verb,
    /// Send each file as this field of a form (multipart/form-data), as a web page would
    #[arg(long, value_name = "FIELD", help_heading = "Requests")]
    form: Option<String>,
    /// When the server answers 429 or 503 with Retry-After, wait so long in all
    #[arg(long, value_name = "SECONDS", default_value_t = 60, help_heading = "Requests")]
    retry_wait: u64,

    #[command(flatten)]
    net: NetArgs,

    /// Record in this file what was stored; a second run with it sends only the rest
    ///
    /// A file that has changed since, in size or time, is sent again. Standard input and pipes are
    /// always sent. A POST whose fate is unknown is told of, and not sent again.
    #[arg(long, value_name = "FILE", requires = "to", value_parser = path_arg::made(), help_heading = "Repeating")]
    journal: Option<PathBuf>,
    /// Send again what an earlier run may or may not have had stored
    #[arg(long, requires = "journal", help_heading = "Repeating")]
    resend_unknown: bool,

    /// Without --to: do it again with a connection for each file, and compare
    #[arg(long, conflicts_with = "to", help_heading = "Output")]
    compare: bool,
    /// Print one JSON object a line: each file as it ends, then the summary
    #[arg(long, help_heading = "Output")]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Verb {
    #[value(name = "POST")]
    Post,
    #[value(name = "PUT")]
    Put,
}

const STORED: Words = Words { done: "stored" };

/// Runs the command; its exit code.
///
/// # Errors
/// It could not even begin.
pub(crate) async fn run(args: Args) -> Result<u8, Box<dyn Error>> {
    exit_code("send", send(args).await)
}

async fn send(args: Args) -> Result<u8, Box<dyn Error>> {
    check(&args)?;
    let target = args.to.as_deref().map(|to| Target::parse(to, args.form.is_some())).transpose()?;
    let journal = args.journal.as_deref().map(Journal::open).transpose()?;
    let inputs = plan::inputs(&args)?;
    let stop = Stop::on_signal();
    let Some(target) = target else {
        return to_embedded(&args, &inputs, &stop).await;
    };
    let plan = Plan::new(inputs, &target, args.verb(), journal.as_ref(), args.resend_unknown)?;
    let outcome = work(&args, plan, journal, Each::Run, &stop).await?;
    outcome.reporter.tell(&outcome.summary, None);
    Ok(outcome.code(&stop))
}

/// To a server of our own; with `--compare` twice.
async fn to_embedded(args: &Args, inputs: &input::Inputs, stop: &Stop) -> Result<u8, Box<dyn Error>> {
    let outcome = embedded_run(args, inputs, Each::Run, stop).await?;
    if !args.compare || stop.is_requested() {
        outcome.reporter.tell(&outcome.summary, None);
        return Ok(outcome.code(stop));
    }
    outcome.reporter.tell(&outcome.summary, Some("persistent"));
    let again = embedded_run(args, inputs, Each::Connection, stop).await?;
    again.reporter.compare(&outcome.summary, &again.summary);
    Ok(outcome.code(stop).max(again.code(stop)))
}

async fn embedded_run(args: &Args, inputs: &input::Inputs, each: Each, stop: &Stop) -> Result<Done, Box<dyn Error>> {
    let server = Embedded::start().await?;
    if each == Each::Run {
        let line = format!(
            "no --to: sending to {}, started for this run; it stores in {}, which is removed at the end",
            server.origin(),
            server.folder().display()
        );
        say(if args.json { Stream::Stderr } else { Stream::Stdout }, &line);
    }
    let target = Target::embedded(server.origin().to_owned(), args.form.is_some());
    let plan = Plan::new(inputs.clone(), &target, args.verb(), None, false)?;
    let outcome = work(args, plan, None, each, stop).await;
    server.end().await;
    outcome
}

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Each {
    /// The run.
    Run,
    /// One file, to compare with.
    Connection,
}

/// A run that is over.
struct Done {
    summary: Summary,
    reporter: Reporter,
    /// The wire log could not be written.
    damaged: bool,
}

impl Done {
    fn code(&self, stop: &Stop) -> u8 {
        let failed = !self.summary.failures.is_empty() || self.summary.untried > 0;
        match (stop.is_requested(), failed || self.damaged || self.reporter.is_damaged()) {
            (true, true) => STOPPED,
            (_, failed) => failed.into(),
        }
    }
}

/// Sends all files of a plan.
async fn work(
    args: &Args,
    plan: Plan,
    journal: Option<Journal>,
    each: Each,
    stop: &Stop,
) -> Result<Done, Box<dyn Error>> {
    let wire = if each == Each::Run { Wire::Log } else { Wire::NoLog };
    let net = args.net.client(Pipelining::Off, wire)?;
    let manner = Manner { json: args.json, quiet: each == Each::Connection, stream: Stream::Stdout, words: STORED };
    let reporter = Reporter::new(manner, plan.jobs.len() as u64, plan.bytes());
    for item in plan.settled {
        reporter.ended(item);
    }
    let (workers, tally) = (net.connections, Arc::clone(&net.tally));
    let gate = Gate::new(Duration::from_secs(args.retry_wait));
    let mut run = Run::new(net, args.verb(), reporter, gate, stop.clone());
    run.form = args.form.as_deref().map(|field| Arc::new(Form::new(field)));
    run.journal = journal;
    run.connection_each = each == Each::Connection;

    // Every file goes to the same server.
    let queue = Arc::new(Queue::new(plan.jobs.into_iter().map(|job| ((), job)), workers));
    let run = Arc::new(run);
    let mut tasks = JoinSet::new();
    for worker in 0..workers {
        let (run, queue) = (Arc::clone(&run), Arc::clone(&queue));
        tasks.spawn(async move {
            while !run.is_over()
                && let Some(taken) = queue.take(worker)
            {
                let item = run.deliver(&taken.item, taken.last).await;
                run.reporter.ended(item);
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    run.reporter.untried(queue.drain().len() as u64);

    let run = Arc::into_inner(run).ok_or("a worker outlived its run")?;
    // Idle connections end here, and are counted.
    drop(run.net);
    let summary = run.reporter.sum_up(&tally, workers);
    let damaged = tally.finish().map_err(|e| say(Stream::Stderr, &format!("the wire log is incomplete: {e}"))).is_err();
    Ok(Done { summary, reporter: run.reporter, damaged })
}

impl Args {
    const fn verb(&self) -> Method {
        match self.method {
            Verb::Post => Method::POST,
            Verb::Put => Method::PUT,
        }
    }
}

/// What no single option can know to be wrong.
fn check(args: &Args) -> Result<(), WrongUse> {
    let stdin = |path: &PathBuf| path.as_os_str() == "-";
    if args.files.iter().any(stdin) && args.files_from.as_ref().is_some_and(stdin) {
        return Err(WrongUse::new("standard input cannot be both a file (-) and the list of files (--files-from -)"));
    }
    let fields = args.net.fields()?;
    if args.form.is_some() && args.method == Verb::Put {
        return Err(WrongUse::new("--form makes a POST of each file; leave out --method PUT"));
    }
    if args.form.is_some() && fields.contains_key(http::header::CONTENT_TYPE) {
        return Err(WrongUse::new("--form writes the Content-Type field itself; leave out the -H for it"));
    }
    Ok(())
}
