//! CPU time of a process.

use std::fs;
use std::io;
use std::ops::{Add, Sub};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// CPU time in user space and in the kernel. The kernel knows the sum exactly and divides it by
/// sampling, so short spans have a good sum and a rough division.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Usage {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
}

impl Usage {
    /// Of this process, all threads, since its start.
    pub(crate) fn now() -> io::Result<Self> {
        Self::of(UsageWho::RUSAGE_SELF)
    }

    /// Of all child processes that have ended and were waited for.
    #[cfg_attr(not(feature = "peers"), expect(dead_code, reason = "only clients are measured so"))]
    pub(crate) fn of_children() -> io::Result<Self> {
        Self::of(UsageWho::RUSAGE_CHILDREN)
    }

    /// Of any process, all threads, since its start: exact in sum, divided as its ticks are.
    pub(crate) fn of_process(pid: u32) -> io::Result<Self> {
        let sum = on_cpu(&[pid])?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name before may contain anything, spaces and parentheses too.
        let mut fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ').skip(11);
        let (user, system) = (number(fields.next())? as f64, number(fields.next())? as f64);
        let user = sum.mul_f64(user / (user + system).max(1.0));
        Ok(Self { user, system: sum - user })
    }

    fn of(who: UsageWho) -> io::Result<Self> {
        let usage = getrusage(who)?;
        Ok(Self { user: duration(usage.user_time()), system: duration(usage.system_time()) })
    }
}

impl Sub for Usage {
    type Output = Self;
    fn sub(self, earlier: Self) -> Self {
        Self { user: self.user.saturating_sub(earlier.user), system: self.system.saturating_sub(earlier.system) }
    }
}

impl Add for Usage {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { user: self.user + other.user, system: self.system + other.system }
    }
}

fn number(text: Option<&str>) -> io::Result<u64> {
    text.and_then(|text| text.parse().ok()).ok_or_else(|| io::Error::other("not as /proc is documented"))
}

/// Time that the threads of these processes were on a core since their start. Exact, and without
/// what a hypervisor took; threads that have ended count no longer.
pub(crate) fn on_cpu(pids: &[u32]) -> io::Result<Duration> {
    let mut sum = Duration::ZERO;
    for pid in pids {
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            let line = fs::read_to_string(task?.path().join("schedstat"))?;
            let nanos = line.split(' ').next().and_then(|word| word.parse().ok());
            sum += Duration::from_nanos(nanos.ok_or_else(|| io::Error::other("the kernel keeps no schedstat"))?);
        }
    }
    Ok(sum)
}

fn duration(time: TimeVal) -> Duration {
    Duration::from_secs(time.tv_sec().unsigned_abs()) + Duration::from_micros(time.tv_usec().unsigned_abs())
}
