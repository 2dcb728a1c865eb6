//! `tenure probe`: how a server treats persistent connections, measured.
//!
//! The experiments are the library `tenure-probe`; here are the options, what a person sees, and the exit code.

mod html;
mod progress;
mod show;
mod timeline;

use std::error::Error;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use tenure_probe::{EXPERIMENTS, Event, Experiment, Failure, Level, Probe, Report, Target, Tcp};

use crate::net::{STOPPED, Stop, WrongUse, exit_code, url};
use crate::report::{Out, Stream, html as page, units};
use crate::send::Embedded;
use progress::Progress;

/// Measure how a server treats persistent connections
///
/// Connects as a client would, and finds out how long an idle connection is kept (announced and real), how many requests
/// it carries, how it ends, and what of the rules for it is not obeyed. Each finding is told as soon as it is known, with
/// how sure it is. What answers is measured: of a server behind a proxy only the proxy is seen.
///
/// Without a URL the server inside this program is probed.
#[derive(clap::Args)]
#[command(after_help = after_help())]
pub(crate) struct Args {
    /// What to ask for, with GET: a small page is best
    url: Option<String>,
    /// Only these experiments, as in --only idle,requests; see the list below
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = experiment)]
    only: Vec<&'static Experiment>,
    /// The longest wait for what may never happen, such as the close of an idle connection
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    max_wait: u64,
    /// Also send what could disturb a server that others use
    #[arg(long)]
    intrusive: bool,
    /// Trust the certificates of this PEM file for https, instead of the platform's
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// End with exit code 1 if a verdict is as bad as this or worse: note, warning or problem
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    fail_on: Option<Level>,
    /// Print the report as JSON, at the end
    #[arg(long)]
    json: bool,
    /// Also write the report as one page for a browser, with what happened on each connection drawn over time
    #[arg(long, value_name = "PAGE")]
    html: Option<PathBuf>,
}

fn after_help() -> String {
    let mut text = "Experiments:\n".to_owned();
    for experiment in EXPERIMENTS {
        let intrusive = if experiment.intrusive { " (--intrusive)" } else { "" };
        text += &format!("  {:<14} {}{intrusive}\n", experiment.name, experiment.about);
    }
    text + "
Examples:
  tenure probe http://127.0.0.1:8080/
  tenure probe --only idle https://example.com/
  tenure probe --html report.html http://127.0.0.1:8080/
  tenure probe --fail-on warning --json http://127.0.0.1:8080/ > report.json

Exit codes: 0 measured, 1 a verdict of --fail-on, or the server cannot be measured, 2 wrong use."
}

fn experiment(name: &str) -> Result<&'static Experiment, String> {
    EXPERIMENTS.iter().find(|experiment| experiment.name == name).ok_or_else(|| {
        let names: Vec<_> = EXPERIMENTS.iter().map(|experiment| experiment.name).collect();
        format!("the experiments are {}", names.join(", "))
    })
}

fn level(name: &str) -> Result<Level, String> {
    let levels = &Level::ALL[1..];
    levels.iter().copied().find(|level| level.name() == name).ok_or_else(|| "note, warning or problem".to_owned())
}

/// Runs the command; its exit code.
///
/// # Errors
/// The server cannot be measured.
pub(crate) async fn run(args: Args) -> Result<u8, Box<dyn Error>> {
    exit_code("probe", probe(args).await)
}

async fn probe(args: Args) -> Result<u8, Box<dyn Error>> {
    let stop = Stop::on_signal();
    let embedded = match args.url {
        None => Some(Embedded::start().await?),
        Some(_) => None,
    };
    let given = args.url.as_deref().or(embedded.as_ref().map(Embedded::origin)).unwrap_or_default();
    let uri = url::parse(given)?;
    let result = tokio::select! {
        result = measure(&args, &uri) => result,
        () = stop.requested() => Ok(STOPPED),
    };
    if let Some(embedded) = embedded {
        embedded.end().await;
    }
    result
}

async fn measure(args: &Args, uri: &Uri) -> Result<u8, Box<dyn Error>> {
    let out = Out::new(Stream::Stdout);
    if let Some(folder) = args.html.as_ref().and_then(|path| path.parent()).filter(|f| !f.as_os_str().is_empty())
        && !folder.is_dir()
    {
        // Not at the end of a long run.
        return Err(WrongUse::new(format!("--html: there is no folder {}", units::path(folder))).into());
    }
    match observed(args, uri, &out).await? {
        Ok(report) => {
            if let Some(path) = &args.html {
                page::write(path, &html::page(&report))?;
            }
            out.write(&if args.json {
                serde_json::to_string_pretty(&report)? + "\n"
            } else {
                show::report(&report, out.paint())
            });
            let bad = args.fail_on.is_some_and(|level| report.worst().is_some_and(|worst| worst >= level));
            Ok((bad || report.server_gone() || report.findings.is_empty()).into())
        }
        Err(failure) if args.json => {
            let error = serde_json::json!({ "name": failure.name(), "text": failure.to_string() });
            let report = serde_json::json!({ "version": Report::VERSION, "url": uri.to_string(), "error": error });
            out.write(&(serde_json::to_string_pretty(&report)? + "\n"));
            Ok(1)
        }
        Err(Failure::Tls(what)) if what.contains("certificate") => {
            let advice = "if you trust this server, say so with --cacert FILE";
            Err(format!("{uri}: {}; {advice}", Failure::Tls(what)).into())
        }
        Err(failure) => Err(format!("{uri}: {failure}").into()),
    }
}

/// The run, with findings and progress shown as they come.
async fn observed(args: &Args, uri: &Uri, out: &Out) -> Result<Result<Report, Failure>, WrongUse> {
    let roots = args
        .cacert
        .as_ref()
        .map(|path| std::fs::read(path).map_err(|e| WrongUse::new(format!("--cacert {}: {e}", path.display()))));
    let dial = match Tcp::new(uri, roots.transpose()?.as_deref()) {
        Ok(dial) => Arc::new(dial),
        Err(failure) => return Ok(Err(failure)),
    };
    let target = Target::new(uri).ok_or_else(|| WrongUse::new("a URL begins with http:// or https://"))?;
    let max_wait = Duration::from_secs(args.max_wait);
    let mut probe = Probe::new(dial, target).max_wait(max_wait).intrusive(args.intrusive);
    if !args.only.is_empty() {
        probe = probe.only(&args.only);
    }
    let progress = Progress::new(std::io::stderr().is_terminal(), max_wait);
    let paint = out.paint();
    let write = |text: String| {
        if !args.json {
            progress.aside(|| out.write(&text));
        }
    };
    let run = probe.run(|event| match event {
        Event::Greeted(greeting) => write(show::greeting(&uri.to_string(), greeting, paint)),
        Event::Found(finding) => write(show::finding(finding, paint)),
        Event::Failed(unmeasured) => write(show::unmeasured(unmeasured, paint)),
        Event::Begun(experiment) => progress.begun(experiment),
        Event::Ended(experiment) => progress.ended(experiment),
    });
    let result = tokio::select! {
        result = run => result,
        never = progress.keep() => match never {},
    };
    progress.clear();
    Ok(result)
}
