//! `tenure explain`: where each message of a connection begins and ends, by which rule, and what
//! the connection may do next.
//!
//! The input goes through the same core as every connection of the client and the server; what is
//! printed is what the core decided.

mod capture;
mod conversation;
mod failure;
mod half;
mod live;
mod log;
mod message;
mod packets;
mod page;
mod readings;
mod show;
mod text;
mod verdict;

#[cfg(test)]
mod tests;

use std::error::Error;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use conversation::Tally;
use page::{Page, Tone};

use crate::net::{WrongUse, exit_code};
use crate::wire;

/// The most bytes that are read.
const MOST: u64 = 1 << 30;

/// Show where each HTTP message of a connection begins and ends, and why
///
/// Reads raw HTTP/1 bytes (requests, responses, or both directions of one connection in one file)
/// or a log that `tenure send --wire FILE` or `tenure get --wire FILE` wrote. For each message:
/// where it begins and ends, by which rule of RFC 9112, and what the connection may do next. For
/// each error: its place, its rule, the bytes around it and what a server answers.
///
/// Of a packet capture (pcap or pcapng, as tcpdump -w writes it) it tells each connection's life
/// instead: exchanges with their times, idle gaps, who closed and why, and which request lost the
/// race with a close, with what that means for it: not processed, or unknown.
///
/// Without FILE it makes three uploads over one connection on this machine and explains those.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The bytes to explain; - reads them from standard input
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Methods of the requests that are not in FILE, in order, if it holds responses alone: a
    /// response to HEAD has no content. GET is assumed for the rest
    #[arg(long, value_name = "METHOD,...", value_delimiter = ',', value_parser = method, requires = "file")]
    methods: Vec<String>,
    #[command(flatten)]
    packets: packets::Options,
}

/// Runs the command. The exit code is 0 if every message is whole and right (of a capture: every
/// exchange was answered), 1 if not, 2 if FILE cannot be opened. `color`: colour what is printed.
pub(crate) async fn run(args: Args, color: bool) -> Result<u8, Box<dyn Error>> {
    exit_code("explain", print(args, color).await)
}

async fn print(args: Args, color: bool) -> Result<u8, Box<dyn Error>> {
    let live = match args.file {
        None => Some(live::three_uploads().await?),
        Some(_) => None,
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let printed = match (live, args.file) {
        (Some(live), _) => explain_live(&live, &mut out, color),
        (None, file) => explain_file(&file.unwrap_or_default(), &args.methods, &args.packets, &mut out, color),
    };
    let printed = printed.and_then(|code| Ok(out.flush().map(|()| code)?));
    match printed {
        // The reader of a pipe has seen enough.
        Err(e) if e.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe) => Ok(0),
        other => other,
    }
}

fn method(name: &str) -> Result<String, String> {
    match http::Method::from_bytes(name.as_bytes()) {
        Ok(method) => Ok(method.as_str().to_owned()),
        Err(_) => Err("a method is a word like GET, HEAD or POST".to_owned()),
    }
}

fn explain_file(
    file: &Path,
    methods: &[String],
    options: &packets::Options,
    out: &mut dyn Write,
    color: bool,
) -> Result<u8, Box<dyn Error>> {
    if file == Path::new("-") {
        return explain_source("standard input", io::stdin(), methods, options, out, color);
    }
    let name = file.display().to_string().escape_debug().to_string();
    let opened = std::fs::File::open(file).map_err(|e| WrongUse::new(format!("cannot open {name}: {e}")))?;
    explain_source(&name, opened, methods, options, out, color)
}

/// A capture is read packet by packet; anything else as a whole.
fn explain_source(
    name: &str,
    mut source: impl Read + Send,
    methods: &[String],
    options: &packets::Options,
    out: &mut dyn Write,
    color: bool,
) -> Result<u8, Box<dyn Error>> {
    let mut start = Vec::new();
    source.by_ref().take(4).read_to_end(&mut start).map_err(|e| format!("cannot read {name}: {e}"))?;
    let whole = io::Cursor::new(start.clone()).chain(source);
    if tenure_capture::is_capture(&start) {
        return packets::explain(name, whole, options, out, color);
    }
    if start.starts_with(&[0x1f, 0x8b]) {
        return Err(format!("{name} is compressed: gunzip -c FILE | tenure explain -").into());
    }
    let captures = [".pcap", ".pcapng", ".cap"];
    if captures.iter().any(|ending| name.ends_with(ending)) && !start.is_empty() {
        return Err(format!("{name} is no packet capture: it begins as neither pcap nor pcapng").into());
    }
    if let Some(option) = options.given() {
        return Err(WrongUse::new(format!(
            "{option} is for packet captures, and {name} begins as neither pcap nor pcapng"
        ))
        .into());
    }
    let bytes = read(whole, name)?;
    Ok(u8::from(explain(name, &bytes, methods, out, color)?.problems > 0))
}

/// All of `source`, if it is something and not too much.
fn read(source: impl Read, name: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut bytes = Vec::new();
    source.take(MOST + 1).read_to_end(&mut bytes).map_err(|e| format!("cannot read {name}: {e}"))?;
    match bytes.len() as u64 {
        0 => Err(format!("{name} is empty: there is nothing to explain").into()),
        n if n > MOST => Err(format!("{name} holds more than 1 GiB: explain a part of it, head -c {MOST}").into()),
        _ => Ok(bytes),
    }
}

/// Explains `bytes`, called `name`.
///
/// # Errors
/// Writing to `out`; a damaged wire log. What is wrong with HTTP is counted, not returned.
fn explain(
    name: &str,
    bytes: &[u8],
    methods: &[String],
    out: &mut dyn Write,
    color: bool,
) -> Result<Tally, Box<dyn Error>> {
    let mut page = Page::new(out, color, bytes.len() as u64);
    let page = &mut page;
    let length = text::count(bytes.len() as u64, "byte");
    let places = "Bytes are counted from 0: a message that ends at byte 100 has byte 99 as its last.";
    if wire::is_wire_log(bytes) {
        let (records, cut) = wire::read(bytes)?;
        page.prose(Tone::Title, &format!("{name}: a wire log, {length}"))?;
        page.prose(Tone::Quiet, &format!("{places} Each direction is counted by itself."))?;
        return Ok(log::explain(&records, cut, page)?);
    }
    page.prose(Tone::Title, &format!("{name}: {length}"))?;
    page.prose(Tone::Quiet, places)?;
    Ok(capture::explain(bytes, methods, page)?)
}

fn explain_live(live: &live::Recorded, out: &mut dyn Write, color: bool) -> Result<u8, Box<dyn Error>> {
    let mut page = Page::new(out, color, 0);
    page.prose(
        Tone::Plain,
        &format!(
            "How does a server know where one file ends, if the connection stays open? Here are three uploads over \
             one connection to {}, made just now by a client and a server of this program, and every byte they \
             exchanged. (To explain bytes of your own: tenure explain FILE, or - for standard input.)",
            live.address
        ),
    )?;
    page.blank()?;
    let tally = explain("What went over the wire", &live.log, &[], out, color)?;
    let mut page = Page::new(out, color, 0);
    page.blank()?;
    page.prose(
        Tone::Plain,
        "So: each request says in its own bytes where it ends, by Content-Length or by the last chunk. The end of \
         the connection is no part of that. The client says it is done with Connection: close on its last request; \
         the server answers that one and then closes.",
    )?;
    Ok(u8::from(tally.problems > 0))
}
