//! `ladder instructions`: what one request costs `proto`, counted by callgrind and so the same in
//! every run, however busy the machine.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::heads::Head;
use crate::subject::{self, Subject};

/// Two runs differ by these many requests; what start and end cost falls out of the difference.
const FEW: u64 = 1_000;
const MANY: u64 = 21_000;

/// Counts and prints.
pub(crate) fn run(top: usize) -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    println!("instructions a request (callgrind)");
    println!("{:<10} {:>10} {:>10} {:>8}", "heads", "proto", "httparse", "ratio");
    let mut profiles = Vec::new();
    for head in Head::ALL {
        let (proto, profile) = count(Subject::Proto, head, folder.path())?;
        let (httparse, _) = count(Subject::Httparse, head, folder.path())?;
        println!("{:<10} {proto:>10.1} {httparse:>10.1} {:>8.2}", head.name(), proto / httparse);
        profiles.push((head, profile));
    }
    for (head, profile) in profiles {
        println!("\nproto, {head}: the {top} most expensive functions, without what they call");
        for (instructions, function) in parse_profile(&profile).take(top) {
            println!("{:>10.1}  {function}", instructions as f64 / MANY as f64);
        }
    }
    Ok(())
}

/// Instructions a request, and callgrind's profile of the longer run.
fn count(subject: Subject, head: Head, folder: &Path) -> io::Result<(f64, String)> {
    let file = folder.join(format!("{}-{}", subject.name(), head.name()));
    let few = callgrind(subject, head, FEW, &file)?;
    let many = callgrind(subject, head, MANY, &file)?;
    let profile = output(Command::new("callgrind_annotate").args(["--auto=no", "--threshold=100"]).arg(&file))?;
    Ok(((many - few) as f64 / (MANY - FEW) as f64, profile))
}

/// Instructions of the whole process.
fn callgrind(subject: Subject, head: Head, requests: u64, file: &Path) -> io::Result<u64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--quiet"]).arg(format!("--callgrind-out-file={}", file.display()));
    command.arg(std::env::current_exe()?).args([subject::COMMAND, subject.name(), head.name()]);
    output(command.arg(requests.to_string()))?;
    let text = std::fs::read_to_string(file)?;
    let totals = text.lines().find_map(|line| line.strip_prefix("totals: "));
    totals.and_then(|n| n.trim().parse().ok()).ok_or_else(|| io::Error::other("callgrind wrote no totals"))
}

fn output(command: &mut Command) -> io::Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(|e| {
        io::Error::new(e.kind(), format!("{name} cannot be run ({e}); it comes with valgrind, which must be installed"))
    })?;
    if !output.status.success() {
        return Err(io::Error::other(format!("{name} failed: {}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `callgrind_annotate`'s list: instructions and function, most expensive first.
fn parse_profile(text: &str) -> impl Iterator<Item = (u64, String)> {
    text.lines().filter_map(|line| {
        let (count, rest) = line.trim_start().split_once(" (")?;
        let (_, place) = rest.split_once(')')?;
        let count = count.replace(',', "").parse().ok()?;
        // PATH:FUNCTION [OBJECT]: the path's last parts are enough to find it.
        let function = place.trim().split(" [").next()?;
        let (path, name) = function.split_once(':')?;
        let path: Vec<&str> = path.rsplit('/').take(2).collect();
        let path = path.into_iter().rev().collect::<Vec<_>>().join("/");
        Some((count, format!("{path}: {name}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_annotated_profile() {
        let text = "-- line\nIr\n\n10,500 (100.0%)  PROGRAM TOTALS\n\n10,000 (95.24%)  /a/b/src/receive.rs:tenure_proto::f [/x/ladder]\n   500 ( 4.76%)  ???:memcpy [/lib/libc.so]\n";
        let rows: Vec<_> = parse_profile(text).collect();
        assert_eq!(rows, [(10_000, "src/receive.rs: tenure_proto::f".to_owned()), (500, "???: memcpy".to_owned())]);
    }
}
