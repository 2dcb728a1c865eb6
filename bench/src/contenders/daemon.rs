//! A server program that is installed, run in the foreground from a directory of its own.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use tempfile::TempDir;

use super::{LARGE, LARGE_PATH};
use crate::cores;
use crate::heads::CONTENT;
use crate::usage::Usage;

/// How long a program may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running program; dropped, it ends.
pub(crate) struct Daemon {
    child: Child,
    name: String,
    pub(crate) port: u16,
    /// Its configuration and its files.
    _directory: TempDir,
}

/// What its configuration is written from.
pub(crate) struct Place<'a> {
    pub(crate) directory: &'a Path,
    pub(crate) port: u16,
    /// Programs started by root give their rights away, and then could not read the directory.
    pub(crate) is_root: bool,
}

/// True if there is such a program.
pub(crate) fn is_installed(program: &str) -> bool {
    find(program).is_some()
}

/// Where servers are installed need not be in an ordinary user's path.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

impl Daemon {
    /// Writes the configuration, starts `program` with `arguments` and that file's path on `core`,
    /// and waits until it listens.
    pub(crate) fn start(
        program: &str,
        arguments: &[&str],
        core: usize,
        configure: impl FnOnce(&Place<'_>) -> String,
    ) -> io::Result<Self> {
        Self::start_under(Vec::new(), program, arguments, core, configure)
    }

    /// The same, run by another program (a tracer): `wrapper` is its command line, to which the
    /// server's is appended.
    pub(crate) fn start_under(
        wrapper: Vec<OsString>,
        program: &str,
        arguments: &[&str],
        core: usize,
        configure: impl FnOnce(&Place<'_>) -> String,
    ) -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let path = directory.path();
        fs::create_dir(path.join("articles"))?;
        for file in ["hello", "articles/persistent-connections"] {
            fs::write(path.join(file), CONTENT)?;
        }
        fs::write(path.join(LARGE_PATH.trim_start_matches('/')), vec![b'x'; LARGE])?;
        let place = Place { directory: path, port: free_port()?, is_root: geteuid().is_root() };
        let port = place.port;
        let configuration = path.join("configuration");
        fs::write(&configuration, configure(&place))?;
        let file = find(program).ok_or_else(|| io::Error::other("it is not installed"))?;
        let mut line = wrapper;
        line.push(file.into_os_string());
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]).args(arguments).arg(&configuration).stdin(Stdio::null()).stdout(Stdio::null());
        let child = cores::on(core, || command.spawn())?;
        let mut daemon = Self { child, name: program.to_owned(), port, _directory: directory };
        daemon.wait_until_it_listens()?;
        Ok(daemon)
    }

    fn wait_until_it_listens(&mut self) -> io::Result<()> {
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("it ended with {status}; its message is above")));
            }
            if Instant::now() > end {
                return Err(io::Error::other("it does not listen"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// The program's process and those that it has started.
    pub(crate) fn pids(&self) -> io::Result<Vec<u32>> {
        let mut pids = vec![self.child.id()];
        let mut seen = 0;
        while let Some(pid) = pids.get(seen) {
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
            pids.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
            seen += 1;
        }
        Ok(pids)
    }
}

impl Daemon {
    /// CPU time of all its processes so far. The sum is exact; the division is the kernel's, in
    /// hundredths of a second.
    pub(crate) fn usage(&self) -> io::Result<Usage> {
        self.pids()?.into_iter().try_fold(Usage::default(), |sum, pid| Ok(sum + Usage::of_process(pid)?))
    }

    /// The program's own process, not a tracer's above it. A tracer that has become the program (valgrind)
    /// has another name, and no child of the program's.
    fn main(&self) -> u32 {
        let is_it =
            |pid: &u32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == self.name);
        self.pids().ok().and_then(|pids| pids.into_iter().find(is_it)).unwrap_or(self.child.id())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Asked to end, since only then it ends its own children too.
        let is_asked = i32::try_from(self.main()).is_ok_and(|pid| kill(Pid::from_raw(pid), Signal::SIGTERM).is_ok());
        if is_asked {
            drop(self.child.wait());
        }
    }
}

/// A port that was free a moment ago: these programs cannot choose one themselves.
pub(crate) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
