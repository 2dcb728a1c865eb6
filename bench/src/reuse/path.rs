//! A path with a round-trip time, for kernels without netem: a tun device whose packets come back
//! after a delay with source and destination exchanged. So a program that sends to [`FAR`] reaches
//! the one that listens on [`NEAR`], over the kernel's own TCP and the path. (Checksums stay right:
//! they are sums.)
#![allow(unsafe_code, reason = "a tun device is made by an ioctl, which no kept crate here offers; audited here")]

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::libc;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

/// This end (RFC 5737: for documentation and tests).
pub(crate) const NEAR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// The same end, by way of the path.
pub(crate) const FAR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const NAME: &str = "path0";
/// As Ethernet's.
const MTU: usize = 1500;

nix::ioctl_write_ptr_bad!(set_interface, nix::request_code_write!(b'T', 202, size_of::<libc::c_int>()), libc::ifreq);

/// What the path has carried, both ways.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carried {
    pub(super) packets: u64,
    pub(super) bytes: u64,
}

/// The path, for as long as the process lives.
pub(super) struct Path {
    delay: Duration,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Counters {
    packets: AtomicU64,
    bytes: AtomicU64,
}

impl Path {
    /// Makes it, with a delay each way. To be called in a network namespace of one's own.
    pub(super) fn open(delay: Duration) -> io::Result<Self> {
        let device = tun().map_err(|e| io::Error::new(e.kind(), format!("/dev/net/tun: {e}")))?;
        ip(&["addr", "add", &format!("{NEAR}/24"), "dev", NAME])?;
        ip(&["link", "set", NAME, "mtu", &MTU.to_string(), "up"])?;
        ip(&["link", "set", "lo", "up"])?;
        let counters = Arc::new(Counters::default());
        let shared = Arc::clone(&counters);
        std::thread::spawn(move || {
            let error = carry(&device, delay, &shared);
            eprintln!("ladder: the path: {error}");
            std::process::exit(1);
        });
        Ok(Self { delay, counters })
    }

    pub(super) fn carried(&self) -> Carried {
        let Counters { packets, bytes } = &*self.counters;
        Carried { packets: packets.load(Ordering::Relaxed), bytes: bytes.load(Ordering::Relaxed) }
    }

    /// Waits until nothing has been under way for a few round trips.
    pub(super) fn settle(&self) {
        let mut before = self.carried().packets;
        loop {
            std::thread::sleep(self.delay * 8 + Duration::from_millis(50));
            let now = self.carried().packets;
            if now == before {
                return;
            }
            before = now;
        }
    }
}

fn ip(arguments: &[&str]) -> io::Result<()> {
    let status = Command::new("ip").args(arguments).status();
    match status.map_err(|e| io::Error::new(e.kind(), format!("ip (of iproute2): {e}")))? {
        status if status.success() => Ok(()),
        status => Err(io::Error::other(format!("ip {}: {status}", arguments.join(" ")))),
    }
}

fn tun() -> io::Result<File> {
    let device = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun")?;
    // SAFETY: `ifreq` is integers, addresses and a pointer; all zero is a valid value of each.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(NAME.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    // SAFETY: the descriptor is open and the request valid for the whole call, which keeps neither.
    unsafe { set_interface(device.as_raw_fd(), &raw const request) }?;
    Ok(device)
}

/// Carries packets until something is wrong.
fn carry(mut device: &File, delay: Duration, counters: &Counters) -> io::Error {
    let mut under_way: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
    let mut packet = [0; MTU];
    loop {
        loop {
            match device.read(&mut packet) {
                Ok(n) if exchange_ends(&mut packet[..n]) => {
                    under_way.push_back((Instant::now() + delay, packet[..n].to_vec()));
                    counters.packets.fetch_add(1, Ordering::Relaxed);
                    counters.bytes.fetch_add(n as u64, Ordering::Relaxed);
                }
                Ok(_) => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) => return e,
            }
        }
        let now = Instant::now();
        while let Some((_, packet)) = under_way.pop_front_if(|(due, _)| *due <= now) {
            if let Err(e) = device.write(&packet) {
                return e;
            }
        }
        let wait = under_way.front().map(|(due, _)| TimeSpec::from_duration(due.saturating_duration_since(now)));
        let mut polled = [PollFd::new(device.as_fd(), PollFlags::POLLIN)];
        if let Err(e) = ppoll(&mut polled, wait, None) {
            return e.into();
        }
    }
}

/// False if it is no IPv4 packet: what else the kernel sends of itself ends here.
fn exchange_ends(packet: &mut [u8]) -> bool {
    if packet.len() < 20 || packet[0] >> 4 != 4 {
        return false;
    }
    let (source, destination) = packet[12..20].split_at_mut(4);
    source.swap_with_slice(destination);
    true
}

#[cfg(test)]
mod tests {
    use super::exchange_ends;

    #[test]
    fn source_and_destination_are_exchanged() {
        let mut packet: Vec<u8> = (0..20).collect();
        packet[0] = 0x45;
        assert!(exchange_ends(&mut packet));
        assert_eq!(packet[12..], [16, 17, 18, 19, 12, 13, 14, 15]);
        packet[0] = 0x60;
        assert!(!exchange_ends(&mut packet), "IPv6");
        assert!(!exchange_ends(&mut packet[..3]));
    }
}
