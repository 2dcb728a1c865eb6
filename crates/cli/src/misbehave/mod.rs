//! `tenure misbehave`: the adversarial server, until Ctrl-C or for as long as a command runs.

mod command;
mod text;

use std::error::Error;
use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tenure_misbehave::{ALL, Identity, Report, Server};

use crate::net::{Stop, WrongUse, exit_code};
use crate::path_arg;

/// Misbehave on request: try an HTTP client against every way a connection can die.
///
/// A request chooses its scenario by path and query, such as /idle-close?after=50ms&by=reset; GET /
/// lists them all, GET /report tells what was seen, and Ctrl-C ends it with that report: for each
/// scenario and client the requests, those processed and processed twice (by the field
/// X-Request-Id), the connections, announcements obeyed, and verdicts with the RFC's section.
///
/// With a COMMAND it runs that: your own client, which finds the address in its environment.
#[derive(clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Args {
    /// Where to listen; port 0 takes a free one. With a COMMAND any free port of 127.0.0.1, otherwise 127.0.0.1:8081
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// What the spread times depend on: the same seed gives the same times
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// End after so long, a COMMAND included
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    max_time: Option<u64>,
    /// Connections open at once, at most; more are closed at once
    #[arg(long, value_name = "N", default_value_t = 1024)]
    max_connections: usize,
    /// Speak TLS too, on the same port, with a certificate for localhost made for this run
    #[arg(long, help_heading = "TLS")]
    tls: bool,
    /// Speak TLS too, with this certificate and those that lead to its root (PEM)
    #[arg(long, value_name = "FILE", requires = "key", help_heading = "TLS")]
    cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = "TLS")]
    key: Option<PathBuf>,
    /// Write what a client must trust to this file (PEM)
    #[arg(long, value_name = "FILE", value_parser = path_arg::made(), help_heading = "TLS")]
    ca: Option<PathBuf>,
    /// List the scenarios with their parameters, and end
    #[arg(long)]
    list: bool,
    /// Give the report as JSON
    #[arg(long)]
    json: bool,
    /// A command to run, with its arguments, after --
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

const HELP: &str = "\
With a COMMAND:
  It finds in its environment
    MISBEHAVE_URL       the server's address: http://127.0.0.1:40123
    MISBEHAVE_TLS_URL   the same for https, with --tls or --cert
    MISBEHAVE_CA        a file with the certificate to trust then. These name
                        it too: SSL_CERT_FILE, CURL_CA_BUNDLE,
                        REQUESTS_CA_BUNDLE and NODE_EXTRA_CA_CERTS
    MISBEHAVE_TOUR      a file that leads through all scenarios, as GET /tour
                        does: a line for each request, with tabs between
                        LANE ID METHOD URL CONTENT PAUSE. A new LANE begins
                        with a new client; ID goes into X-Request-Id; CONTENT
                        is how many bytes to send; PAUSE how many milliseconds
                        to wait after the answer
    MISBEHAVE_OUTCOMES  a file to append to what your callers got, if that is
                        to be judged too: a line for each request, with tabs
                        between ID METHOD URL RESULT DETAIL. RESULT is the
                        status, DETAIL the X-Request-Id of the answer; or
                        RESULT is 'error'
  What it writes to standard output comes on standard error: the report has
  standard output for itself. INT, TERM, HUP and QUIT are handed on to it.
  What it leaves running in its process group is ended.

Exit codes with a COMMAND:
  0 no fault; 1 faults found; 2 wrong use; 3 no fault, but the command failed,
  was ended, or asked for no scenario

Bounds: --max-connections at once, each for 5 minutes; 64 MiB of content in a
request, 16 MB in a response; waits of a minute.";

/// What a client gets to know of the server.
struct Place {
    server: Server,
    /// What it must trust, if the server speaks TLS.
    ca: Option<String>,
}

pub(crate) async fn run(args: Args) -> Result<u8, Box<dyn Error>> {
    exit_code("misbehave", serve(args).await)
}

async fn serve(args: Args) -> Result<u8, Box<dyn Error>> {
    if args.list {
        ALL.iter().for_each(|scenario| print!("{}", text::described(scenario)));
        return Ok(0);
    }
    let place = start(&args).await?;
    let most = args.max_time.map(Duration::from_secs);
    if !args.command.is_empty() {
        let ended = command::run(&args.command, &place, most).await?;
        let report = place.server.report();
        print(&report, args.json)?;
        return Ok(verdict(&report, ended.as_ref().err().map(String::as_str)));
    }
    let stop = Stop::on_signal();
    eprintln!("listening on http://{}", place.server.address());
    if place.ca.is_some() {
        eprintln!("listening on https://{}", place.server.address());
    }
    tokio::time::timeout(most.unwrap_or(Duration::MAX), stop.requested()).await.unwrap_or_default();
    print(&place.server.report(), args.json)?;
    Ok(0)
}

/// The exit code, and why it is not 0.
fn verdict(report: &Report, failed: Option<&str>) -> u8 {
    if let Some(why) = failed {
        eprintln!("tenure misbehave: {why}");
    }
    match (report.faults(), failed) {
        (1.., _) => 1,
        (0, Some(_)) => 3,
        (0, None) if report.cases.is_empty() => {
            eprintln!("tenure misbehave: the command asked for no scenario: is MISBEHAVE_URL where it looks?");
            3
        }
        (0, None) => 0,
    }
}

async fn start(args: &Args) -> Result<Place, Box<dyn Error>> {
    let identity = match (&args.cert, &args.key) {
        (Some(cert), Some(key)) => Some(Identity::from_files(cert, key).map_err(|e| WrongUse::new(e.to_string()))?),
        _ if args.tls => Some(Identity::made()?),
        _ => None,
    };
    let ca = identity.as_ref().map(|identity| identity.ca().to_owned());
    match (&args.ca, &ca) {
        (Some(file), Some(ca)) => {
            std::fs::write(file, ca).map_err(|e| WrongUse::new(format!("--ca {}: {e}", file.display())))?;
        }
        (Some(_), None) => return Err(WrongUse::new("--ca needs --tls, or --cert and --key").into()),
        (None, _) => {}
    }
    let port = if args.command.is_empty() { 8081 } else { 0 };
    let address = args.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], port)));
    let mut builder = Server::builder().seed(args.seed).connections(args.max_connections);
    if let Some(identity) = identity {
        builder = builder.tls(identity);
    }
    let server = builder.bind(address).await.map_err(|error| format!("cannot listen on {address}: {error}"))?;
    Ok(Place { server, ca })
}

fn print(report: &Report, json: bool) -> io::Result<()> {
    let text = if json { serde_json::to_string_pretty(report)? + "\n" } else { text::table(report) };
    io::Write::write_all(&mut io::stdout(), text.as_bytes())
}
