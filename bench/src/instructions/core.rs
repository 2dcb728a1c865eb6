//! `proto` alone, in process, with httparse as a yardstick; and how its work grows with the head.

use std::io;
use std::process::{Command, Stdio};

use crate::callgrind::{self, Counted, Each};
use crate::heads::Head;
use crate::subject::{self, Subject};

/// Two runs differ by these many requests; what start and end cost falls out of the difference.
const FEW: u64 = 200;
const MANY: u64 = 4_200;

/// Prints the table of both, and the most expensive places of `proto`.
pub(super) fn print(top: usize) -> io::Result<()> {
    println!("instructions a request, in process (callgrind)");
    println!("{:<10} {:>10} {:>10} {:>8}", "heads", "proto", "httparse", "ratio");
    let mut profiles = Vec::new();
    for head in [Head::Small, Head::Browser] {
        let proto = count(Subject::Proto, head.name(), FEW, MANY)?;
        let httparse = count(Subject::Httparse, head.name(), FEW, MANY)?;
        let (own, other) = (proto.total, httparse.total);
        println!("{:<10} {own:>10.1} {other:>10.1} {:>8.2}", head.name(), own / other);
        profiles.push((head, proto));
    }
    for (head, profile) in profiles {
        println!("\nproto, {head}: the {top} most expensive places, without what they call");
        let mut places: Vec<_> = profile.places.iter().collect();
        places.sort_by(|a, b| b.1.total_cmp(a.1));
        for (place, instructions) in places.into_iter().take(top) {
            let mut path = place.file.rsplit('/');
            let (file, folder) = (path.next().unwrap_or_default(), path.next().unwrap_or_default());
            println!("{instructions:>10.1}  {folder}/{file}: {}", place.function);
        }
    }
    Ok(())
}

/// Instructions of one request.
pub(crate) fn count(subject: Subject, head: &str, few: u64, many: u64) -> io::Result<Each> {
    let counted = [few, many].map(|requests| run(subject, head, requests));
    let [counted_few, counted_many] = counted;
    Ok(counted_many?.each_beyond(&counted_few?, many - few))
}

fn run(subject: Subject, head: &str, requests: u64) -> io::Result<Counted> {
    let folder = tempfile::tempdir()?;
    let line = callgrind::wrapper(folder.path());
    let mut command = Command::new(&line[0]);
    command.args(&line[1..]).arg(std::env::current_exe()?);
    command.args([subject::COMMAND, subject.name(), head, &requests.to_string()]);
    let status = command.stdin(Stdio::null()).status().map_err(callgrind::explain)?;
    if !status.success() {
        return Err(io::Error::other(format!("valgrind failed: {status}")));
    }
    callgrind::collect(folder.path())
}
