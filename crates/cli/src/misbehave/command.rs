//! Runs the user's command beside the server, and leaves nothing of it behind.

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::process::{Child, Command};
use tokio::signal::unix::{self, SignalKind};
use tokio::time::{Instant, sleep, timeout};

use super::Place;
use crate::net::WrongUse;

/// How long what is left of the command may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(2);
/// The longest file of outcomes that is read.
const MOST_OUTCOMES: u64 = 64 << 20;

/// Where a client looks for the certificates it trusts, by its habit.
const TRUST: [&str; 5] =
    ["MISBEHAVE_CA", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"];

/// Runs it to its end, and hands what it tells to the server: `Ok` if it ended well, and why not otherwise.
///
/// # Errors
/// It cannot be run at all.
pub(super) async fn run(
    command: &[OsString],
    place: &Place,
    most: Option<Duration>,
) -> Result<Result<(), String>, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let outcomes = folder.path().join("outcomes");
    std::fs::write(&outcomes, "")?;
    // Before the command: a signal that comes while it starts is handed on too.
    let mut signals = Signals::new()?;
    let mut child = start(command, place, folder.path(), &outcomes)?;
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let ended = wait(&mut child, group, &mut signals, most).await;
    if let Some(group) = group {
        end_rest(&mut child, group).await;
    }
    if let Err(error) = tell(place, &outcomes) {
        return Ok(Err(format!("MISBEHAVE_OUTCOMES: {error}")));
    }
    Ok(match ended? {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(format!("the command failed: {status}")),
        None => Err("the command was not done in --max-time, and was ended".to_owned()),
    })
}

fn start(command: &[OsString], place: &Place, folder: &Path, outcomes: &Path) -> Result<Child, Box<dyn Error>> {
    let address = place.server.address();
    let mut to_run = Command::new(&command[0]);
    to_run.args(&command[1..]).env("MISBEHAVE_URL", format!("http://{address}")).env("MISBEHAVE_OUTCOMES", outcomes);
    let tour = folder.join("tour");
    std::fs::write(&tour, place.server.tour())?;
    to_run.env("MISBEHAVE_TOUR", tour);
    if let Some(ca) = &place.ca {
        let file = folder.join("ca.pem");
        std::fs::write(&file, ca)?;
        to_run.env("MISBEHAVE_TLS_URL", format!("https://{address}"));
        to_run.envs(TRUST.map(|name| (name, &file)));
    }
    // In a process group of its own, so that all of it can be reached. Such a group may not read from
    // the terminal.
    if io::stdin().is_terminal() {
        to_run.stdin(Stdio::null());
    }
    to_run.process_group(0).stdout(Stdio::from(io::stderr().as_fd().try_clone_to_owned()?)).kill_on_drop(true);
    to_run.spawn().map_err(|error| WrongUse::new(format!("cannot run {}: {error}", command[0].display())).into())
}

/// Those that are handed on.
struct Signals([(unix::Signal, Signal); 4]);

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self([
            (unix::signal(SignalKind::interrupt())?, Signal::INT),
            (unix::signal(SignalKind::terminate())?, Signal::TERM),
            (unix::signal(SignalKind::hangup())?, Signal::HUP),
            (unix::signal(SignalKind::quit())?, Signal::QUIT),
        ]))
    }

    async fn next(&mut self) -> Signal {
        let [(a, int), (b, term), (c, hup), (d, quit)] = &mut self.0;
        tokio::select! {
            _ = a.recv() => *int,
            _ = b.recv() => *term,
            _ = c.recv() => *hup,
            _ = d.recv() => *quit,
        }
    }
}

/// Its exit status; none if it took too long, and was asked to end.
async fn wait(
    child: &mut Child,
    group: Option<Pid>,
    signals: &mut Signals,
    most: Option<Duration>,
) -> io::Result<Option<ExitStatus>> {
    let too_long = sleep(most.unwrap_or(Duration::from_secs(u64::from(u32::MAX))));
    tokio::pin!(too_long);
    loop {
        tokio::select! {
            status = child.wait() => return status.map(Some),
            signal = signals.next() => {
                if let Some(group) = group {
                    let _ = kill_process_group(group, signal);
                }
            }
            () = &mut too_long => return Ok(None),
        }
    }
}

/// Ends what still runs in the group: asks, and after a while does not ask.
async fn end_rest(child: &mut Child, group: Pid) {
    let give_up = Instant::now() + GRACE;
    if kill_process_group(group, Signal::TERM).is_err() {
        return;
    }
    // Ended but not waited for, the child would count as running.
    let _ = timeout(GRACE, child.wait()).await;
    while test_kill_process_group(group).is_ok() {
        if Instant::now() >= give_up {
            let _ = kill_process_group(group, Signal::KILL);
            let _ = child.wait().await;
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
}

fn tell(place: &Place, outcomes: &Path) -> Result<(), String> {
    let mut lines = String::new();
    let file = std::fs::File::open(outcomes).map_err(|error| error.to_string())?;
    file.take(MOST_OUTCOMES).read_to_string(&mut lines).map_err(|error| error.to_string())?;
    place.server.told(&lines)
}
