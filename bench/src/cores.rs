//! Which core does what.

use std::io;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// One core for the server and one for the generator, so that neither takes time from the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cores {
    pub(crate) server: usize,
    pub(crate) generator: usize,
}

impl Cores {
    /// The first two that this process may use.
    pub(crate) fn choose() -> io::Result<Self> {
        let allowed = sched_getaffinity(Pid::from_raw(0))?;
        let mut cores = (0..CpuSet::count()).filter(|&core| allowed.is_set(core) == Ok(true));
        match (cores.next(), cores.next()) {
            (Some(server), Some(generator)) => Ok(Self { server, generator }),
            _ => Err(io::Error::other("two cores are needed: one for the server, one for the generator")),
        }
    }
}

/// Keeps this thread on `core`.
pub(crate) fn pin(core: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(core)?;
    sched_setaffinity(Pid::from_raw(0), &set)?;
    Ok(())
}

/// Does `work` on `core`, and lets this thread return to where it may run; processes that the work
/// started stay on that core.
pub(crate) fn on<T>(core: usize, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let before = sched_getaffinity(Pid::from_raw(0))?;
    pin(core)?;
    let done = work();
    sched_setaffinity(Pid::from_raw(0), &before)?;
    done
}
