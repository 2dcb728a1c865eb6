//! Content of a gibibyte, down and up: what it costs in CPU time and in memory; and files that are small.

pub(super) mod files;
mod site;

use std::fmt::{self, Write as _};
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::contenders::daemon::{self, Daemon, Place};
use crate::contenders::nginx;
use crate::cores::{self, Cores};
use crate::process::Process;
use crate::spread::Spread;
use crate::usage;
pub(crate) use site::run as run_site;

/// The name of the hidden subcommand that tenure's site is started with.
pub(crate) const COMMAND: &str = "run-large-site";

const ROUNDS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(30);
const BUFFER: usize = 256 * 1024;
/// What memory is compared with.
const SMALL: u64 = 1 << 20;

/// A server and a path of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Way {
    /// tenure's server; content that is in memory.
    MemoryDown,
    /// tenure's server; a file as the library's own body of one.
    OwnFileDown,
    /// tenure's server; a file through tower-http's `ServeFile`.
    FileDown,
    /// nginx with `sendfile`.
    NginxDown,
    /// tenure's server; a handler that reads all and keeps nothing.
    Up,
    /// nginx, which answers and reads all and keeps nothing.
    NginxUp,
}

impl Way {
    pub(super) const ALL: [Self; 6] =
        [Self::MemoryDown, Self::OwnFileDown, Self::FileDown, Self::NginxDown, Self::Up, Self::NginxUp];

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::MemoryDown => "download, `serve`, from memory",
            Self::OwnFileDown => "download, `serve`, a file by `Body::from_file`",
            Self::FileDown => "download, `serve`, a file by tower-http",
            Self::NginxDown => "download, nginx, a file by `sendfile`",
            Self::Up => "upload, `serve`, read and dropped",
            Self::NginxUp => "upload, nginx, read and dropped",
        }
    }

    const fn is_nginx(self) -> bool {
        matches!(self, Self::NginxDown | Self::NginxUp)
    }

    const fn path(self) -> &'static str {
        match self {
            Self::MemoryDown => "/memory",
            Self::OwnFileDown => "/own-file",
            Self::FileDown | Self::NginxDown => "/file",
            Self::Up | Self::NginxUp => "/upload",
        }
    }

    const fn is_up(self) -> bool {
        matches!(self, Self::Up | Self::NginxUp)
    }
}

/// One way in all rounds.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) way: Way,
    pub(super) bytes: u64,
    /// MiB in a second, and in a second of the server's CPU time.
    pub(super) rate: Spread,
    pub(super) per_cpu: Spread,
    /// KiB by which the most memory ever held was more after the large content than after a MiB of it.
    pub(super) grown: Spread,
}

/// How much content.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Mebibytes of the large content
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    mebibytes: u64,
}

/// `ladder large`: this part of `ladder all` by itself.
pub(crate) fn run(options: &Options) -> io::Result<()> {
    let cores = Cores::choose()?;
    let mut text = String::new();
    table(&measure(options.mebibytes << 20, cores)?, &mut text).map_err(io::Error::other)?;
    files::table(&files::measure(cores)?, &mut text).map_err(io::Error::other)?;
    println!("{text}");
    Ok(())
}

pub(super) fn table(rows: &[Row], out: &mut String) -> fmt::Result {
    let mebibytes = rows.first().map_or(0, |row| row.bytes >> 20);
    writeln!(
        out,
        "\n{mebibytes} MiB over one connection. Grown: the most memory held (VmHWM), after that much against after 1 MiB.\n\n\
        | | MiB a second | MiB a second of the server's CPU time | grown, KiB |\n|---|---:|---:|---:|"
    )?;
    for row in rows {
        writeln!(out, "| {} | {:.0} | {:.0} | {:.0} |", row.way.label(), row.rate, row.per_cpu, row.grown)?;
    }
    Ok(())
}

/// Every way once in each round.
pub(super) fn measure(bytes: u64, cores: Cores) -> io::Result<Vec<Row>> {
    let ways: Vec<Way> = Way::ALL.into_iter().filter(|way| !way.is_nginx() || daemon::is_installed("nginx")).collect();
    let mut all: Vec<Vec<[f64; 3]>> = vec![Vec::new(); ways.len()];
    let file = warm_file(bytes)?;
    for _ in 0..ROUNDS {
        for (way, all) in ways.iter().zip(&mut all) {
            let measured = Site::start(*way, file.path(), cores.server)
                .and_then(|site| cores::on(cores.generator, || measure_one(*way, &site, bytes)));
            all.push(measured.map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", way.label())))?);
        }
    }
    let row = |(&way, all): (&Way, &Vec<[f64; 3]>)| {
        let of = |place: usize| Spread::of(all.iter().map(|one| one[place]));
        Row { way, bytes, rate: of(0), per_cpu: of(1), grown: of(2) }
    };
    Ok(ways.iter().zip(&all).map(row).collect())
}

fn measure_one(way: Way, site: &Site, bytes: u64) -> io::Result<[f64; 3]> {
    let pids = site.pids()?;
    // The path's beginning says how much is wanted, so that a small one can come first.
    exchange(way, site.port(), SMALL)?;
    let small = peak(&pids)?;
    let (before, start) = (usage::on_cpu(&pids)?, Instant::now());
    exchange(way, site.port(), bytes)?;
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), (usage::on_cpu(&pids)? - before).as_secs_f64());
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    Ok([mebibytes / seconds, mebibytes / cpu, (peak(&pids)? - small) / 1024.0])
}

/// One request on a connection of its own; reads or writes `bytes`, and drops what it reads.
fn exchange(way: Way, port: u16, bytes: u64) -> io::Result<()> {
    ask(way, &mut connect(port)?, bytes, &mut vec![0; BUFFER])
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn ask(way: Way, stream: &mut TcpStream, bytes: u64, buffer: &mut [u8]) -> io::Result<()> {
    let path = way.path();
    if way.is_up() {
        let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {bytes}\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        let mut left = bytes;
        while left > 0 {
            let n = left.min(BUFFER as u64) as usize;
            stream.write_all(&buffer[..n])?;
            left -= n as u64;
        }
    } else {
        let range = format!("Range: bytes=0-{}\r\n", bytes - 1);
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{range}\r\n");
        stream.write_all(head.as_bytes())?;
    }
    let (content, mut seen) = head(stream, buffer)?;
    if !way.is_up() && content != bytes {
        return Err(io::Error::other(format!("{content} bytes are offered instead of {bytes}")));
    }
    while seen < content {
        match stream.read(buffer)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            n => seen += n as u64,
        }
    }
    Ok(())
}

/// Reads a response's head: the length of its content, and how much of that has come along.
fn head(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<(u64, u64)> {
    let mut filled = 0;
    let end = loop {
        match stream.read(&mut buffer[filled..])? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            n => filled += n,
        }
        if let Some(end) = memchr::memmem::find(&buffer[..filled], b"\r\n\r\n") {
            break end + 4;
        }
    };
    let text = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    match length {
        Some(length) if text.starts_with("http/1.1 20") => Ok((length, (filled - end) as u64)),
        _ => Err(io::Error::other(format!("not the answer that was expected:\n{text}"))),
    }
}

/// The most memory that the processes have ever held, in bytes, each by itself.
fn peak(pids: &[u32]) -> io::Result<f64> {
    pids.iter().try_fold(0.0, |sum, pid| {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        Ok(sum + kibibytes.ok_or_else(|| io::Error::other("the kernel tells no VmHWM"))? * 1024.0)
    })
}

/// A server that runs, and the file it serves.
enum Site {
    Own { process: Process, port: u16 },
    Nginx(Daemon),
}

impl Site {
    fn start(way: Way, file: &Path, core: usize) -> io::Result<Self> {
        if way.is_nginx() {
            return Ok(Self::Nginx(Daemon::start("nginx", &["-e", "stderr", "-c"], core, |place| {
                configuration(place, file)
            })?));
        }
        let arguments = [COMMAND.as_ref(), file.as_os_str(), "--core".as_ref(), core.to_string().as_ref()]
            .map(std::ffi::OsStr::to_owned);
        let mut process = Process::start(Vec::new(), arguments)?;
        let port = u16::try_from(process.number()?).map_err(io::Error::other)?;
        Ok(Self::Own { process, port })
    }

    fn port(&self) -> u16 {
        match self {
            Self::Own { port, .. } => *port,
            Self::Nginx(daemon) => daemon.port,
        }
    }

    fn pids(&self) -> io::Result<Vec<u32>> {
        match self {
            Self::Own { process, .. } => Ok(vec![process.id()]),
            Self::Nginx(daemon) => daemon.pids(),
        }
    }
}

/// A file of zeros that is in the kernel's memory: neither a disk is measured, nor how that memory is found.
fn warm_file(bytes: u64) -> io::Result<NamedTempFile> {
    let mut file = NamedTempFile::new()?;
    file.as_file().set_len(bytes)?;
    io::copy(&mut file, &mut io::sink())?;
    Ok(file)
}

fn configuration(place: &Place<'_>, file: &Path) -> String {
    let http = format!(
        "    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    client_max_body_size 0;
    server {{
        listen 127.0.0.1:{port};
        location /upload {{ return 200 \"done\"; }}
        location = /file {{ alias {file}; }}
    }}",
        port = place.port,
        file = file.display(),
    );
    nginx::whole(place, 1, 64, &http)
}
