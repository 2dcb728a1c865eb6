//! Is there room: descriptors in a process, memory in the machine?

use std::io::{self, ErrorKind};

use crate::contenders::Size;
use crate::memory;

/// What the kernel holds for the two ends of an idle connection on this machine, about.
const KERNEL_EACH: f64 = 10.0 * 1024.0;
/// To be left for everybody else.
const RESERVE: f64 = GIB;
const GIB: f64 = (1u64 << 30) as f64;

/// How many processes serve `connections`, of which each may have `limit`.
///
/// # Errors
/// Not so many as were asked for: too few.
pub(super) fn size(connections: usize, processes: Option<u32>, limit: usize) -> io::Result<Size> {
    let fewest = (1..).find(|&processes| share(connections, processes) <= limit).unwrap_or(usize::MAX);
    let processes = processes.map_or(fewest, |processes| processes as usize);
    if processes < fewest {
        let text = format!("a process may have {limit} connections here: at least --processes {fewest}");
        return Err(io::Error::new(ErrorKind::InvalidInput, text));
    }
    Ok(Size { processes, room: share(connections, processes) })
}

/// What one of several processes must expect: the kernel deals by a hash, so the shares spread
/// like throws of dice, and five standard deviations are never exceeded.
fn share(connections: usize, processes: usize) -> usize {
    let mean = connections.div_ceil(processes);
    if processes == 1 { mean } else { mean + 5 * (mean.isqrt() + 1) }
}

/// Before anything is opened.
///
/// # Errors
/// The kernel's part alone would not fit into what is free.
pub(super) fn check(connections: u32) -> io::Result<()> {
    enough(f64::from(connections) * KERNEL_EACH, memory::available()?, "both ends of them in the kernel alone")
}

/// When `opened` of `connections` are open and have taken their part of what was free `before`.
///
/// # Errors
/// The rest would not fit, if it is like these.
pub(super) fn check_rest(opened: u32, connections: u32, before: f64) -> io::Result<()> {
    let free = memory::available()?;
    let rest = f64::from(connections - opened);
    let needed = if opened < connections { (before - free) / f64::from(opened) * rest } else { 0.0 };
    enough(needed, free, &format!("{rest} more of them after the first {opened}"))
}

fn enough(needed: f64, free: f64, what: &str) -> io::Result<()> {
    if needed + RESERVE <= free {
        return Ok(());
    }
    let text = format!(
        "not enough memory: {what} need about {:.1} GiB, {:.1} GiB is free, and {:.1} GiB of it should stay so; \
         ask for fewer --connections",
        needed / GIB,
        free / GIB,
        RESERVE / GIB
    );
    Err(io::Error::new(ErrorKind::OutOfMemory, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_few_processes_as_hold_every_share() {
        let Size { processes, room } = size(19_800, None, 19_800).unwrap();
        assert_eq!((processes, room), (1, 19_800));
        assert_eq!(size(19_801, None, 19_800).unwrap().processes, 2);
        let Size { processes, room } = size(1_000_000, None, 19_800).unwrap();
        assert!(processes == 53 && room <= 19_800, "{processes} processes of {room}");
        assert!(size(1_000_000, Some(52), 19_800).unwrap_err().to_string().contains("--processes 53"));
        assert_eq!(size(1000, Some(4), 19_800).unwrap().processes, 4);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_figures() {
        assert!(enough(5.0 * GIB, 6.0 * GIB, "they").is_ok());
        let refusal = enough(5.1 * GIB, 6.0 * GIB, "they").unwrap_err();
        assert_eq!(refusal.kind(), ErrorKind::OutOfMemory);
        assert!(refusal.to_string().contains("they need about 5.1 GiB, 6.0 GiB is free"), "{refusal}");
    }
}
