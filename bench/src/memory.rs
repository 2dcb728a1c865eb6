//! What processes and the kernel hold.

use std::fs;
use std::io;
use std::ops::{Add, Div, Sub};

use nix::unistd::{SysconfVar, sysconf};
use serde::Serialize;

/// Memory of processes, in bytes.
#[derive(Clone, Copy, PartialEq, Default, Debug, Serialize)]
pub(crate) struct User {
    /// Proportional set size: pages shared with other processes count in parts.
    pub(crate) pss: f64,
    /// Pages that the process alone holds and has written to: heap and stacks.
    pub(crate) private_dirty: f64,
}

impl User {
    /// Of these processes together.
    pub(crate) fn of(pids: &[u32]) -> io::Result<Self> {
        pids.iter().try_fold(Self::default(), |sum, pid| {
            let path = format!("/proc/{pid}/smaps_rollup");
            let rollup = fs::read_to_string(&path).map_err(|e| io::Error::new(e.kind(), format!("{path}: {e}")))?;
            Ok(sum + Self { pss: field(&rollup, "Pss:")?, private_dirty: field(&rollup, "Private_Dirty:")? })
        })
    }
}

impl Add for User {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { pss: self.pss + other.pss, private_dirty: self.private_dirty + other.private_dirty }
    }
}

impl Sub for User {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { pss: self.pss - other.pss, private_dirty: self.private_dirty - other.private_dirty }
    }
}

impl Div<f64> for User {
    type Output = Self;
    fn div(self, by: f64) -> Self {
        Self { pss: self.pss / by, private_dirty: self.private_dirty / by }
    }
}

/// What the kernel holds for all its sockets and everything else, in bytes.
pub(crate) fn kernel() -> io::Result<f64> {
    // Sockets, their files and what epoll keeps come from the slab, buffered bytes from pages of their own.
    let slab = field(&fs::read_to_string("/proc/meminfo")?, "Slab:")?;
    let sockets = fs::read_to_string("/proc/net/sockstat")?;
    let page = sysconf(SysconfVar::PAGE_SIZE)?.unwrap_or(4096);
    Ok(slab + buffered_pages(&sockets)? * page as f64)
}

/// What new processes and sockets could still have, in bytes.
pub(crate) fn available() -> io::Result<f64> {
    let memory = fs::read_to_string("/proc/meminfo")?;
    // The kernel counts its reclaimable slab as available, but open sockets hold theirs.
    Ok(field(&memory, "MemAvailable:")? - field(&memory, "SReclaimable:")?)
}

/// A line `Name:  123 kB`, in bytes.
fn field(text: &str, name: &str) -> io::Result<f64> {
    let kilobytes = text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB")?.parse().ok());
    kilobytes.map(|k: f64| k * 1024.0).ok_or_else(|| io::Error::other(format!("the kernel does not tell `{name}`")))
}

/// The line `TCP: inuse 3 orphan 0 tw 0 alloc 4 mem 1`.
fn buffered_pages(sockstat: &str) -> io::Result<f64> {
    let tcp = sockstat.lines().find_map(|line| line.strip_prefix("TCP:"));
    let mut words = tcp.unwrap_or_default().split_whitespace().skip_while(|&word| word != "mem");
    words
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .ok_or_else(|| io::Error::other("/proc/net/sockstat does not tell TCP's memory"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        let rollup = "5590-7ffc ---p 00000000 00:00 0  [rollup]\nRss:  1740 kB\nPss:   239 kB\nPss_Dirty:  112 kB\n";
        assert_eq!(field(rollup, "Pss:").unwrap(), 239.0 * 1024.0);
        assert!(field(rollup, "Private_Dirty:").is_err());
        let sockstat = "sockets: used 34\nTCP: inuse 3 orphan 0 tw 5381 alloc 4 mem 17\nUDP: inuse 0 mem 0\n";
        assert_eq!(buffered_pages(sockstat).unwrap(), 17.0);
        assert!(buffered_pages("UDP: inuse 0 mem 0\n").is_err());
    }

    #[test]
    fn what_this_process_writes_to_is_its_own() {
        let own = [std::process::id()];
        let before = User::of(&own).unwrap();
        let bytes = std::hint::black_box(vec![1u8; 8 << 20]);
        let grown = User::of(&own).unwrap() - before;
        assert!(grown.private_dirty >= (7 << 20) as f64 && grown.pss >= (7 << 20) as f64, "{grown:?}");
        drop(bytes);
    }
}
