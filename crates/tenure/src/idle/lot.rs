//! The lot on Linux.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, ready};

use rustix::event::{Timespec, epoll};
use tokio::io::unix::AsyncFd;

use super::slots::Slots;

/// Woken connections taken up in one go, so that others get their turn.
const BATCH: usize = 256;

/// What can be parked: it owns a socket.
pub(crate) trait Park {
    /// The socket to be watched.
    fn socket(&self) -> &OwnedFd;

    /// It stands in this slot now.
    fn entered(&self, slot: u32) {
        let _ = slot;
    }

    /// It has left its slot.
    fn left(&self) {}
}

/// Parked connections, in the order in which they came.
pub(crate) struct Lot<T> {
    epoll: AsyncFd<OwnedFd>,
    slots: Slots<T>,
}

impl<T: Park> Lot<T> {
    /// An empty lot of the current runtime.
    ///
    /// # Errors
    /// The process has no descriptor left.
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = crate::sys::watch(epoll::create(epoll::CreateFlags::CLOEXEC)?)?;
        Ok(Self { epoll, slots: Slots::new() })
    }

    /// Parks a connection, until bytes or an end come on its socket. Level-triggered: what came
    /// before is seen as well.
    ///
    /// # Errors
    /// The kernel does not watch the socket (memory, or its limit of watches); here it is again.
    pub(crate) fn park(&mut self, parked: T) -> Result<(), (T, io::Error)> {
        let at = self.slots.insert(parked);
        let flags = epoll::EventFlags::IN | epoll::EventFlags::RDHUP | epoll::EventFlags::ONESHOT;
        // The value just put in is in its slot.
        let Some(socket) = self.slots.get(at).map(|parked| parked.socket().as_fd()) else { return Ok(()) };
        let Err(error) = epoll::add(&self.epoll, socket, epoll::EventData::new_u64(at.into()), flags) else {
            self.slots.get(at).inspect(|parked| parked.entered(at));
            return Ok(());
        };
        match self.slots.remove(at) {
            Some(parked) => Err((parked, error.into())),
            None => Ok(()),
        }
    }

    /// Takes out those on whose sockets something came: at least one.
    pub(crate) fn poll_woken(&mut self, cx: &mut Context<'_>, woken: &mut Vec<T>) -> Poll<()> {
        loop {
            // Only a runtime that is shut down fails here, and it polls nobody any more.
            let Ok(mut ready) = ready!(self.epoll.poll_read_ready(cx)) else { return Poll::Pending };
            let mut room = [const { MaybeUninit::<epoll::Event>::uninit() }; BATCH];
            let now = Timespec { tv_sec: 0, tv_nsec: 0 };
            let events = epoll::wait(ready.get_inner(), &mut room, Some(&now)).map_or(&[][..], |(events, _)| events);
            if events.len() < BATCH {
                // Drained. What comes from here on makes the runtime's own epoll report again.
                ready.clear_ready();
            }
            let before = woken.len();
            for event in events {
                woken.extend(self.take(event.data.u64() as u32));
            }
            if woken.len() > before {
                return Poll::Ready(());
            }
        }
    }

    /// The one that has been here longest.
    pub(crate) fn oldest(&self) -> Option<&T> {
        self.slots.oldest().map(|(_, parked)| parked)
    }

    /// Takes out the one that has been here longest.
    pub(crate) fn take_oldest(&mut self) -> Option<T> {
        let (at, _) = self.slots.oldest()?;
        self.take(at)
    }

    /// Takes out the one in a slot, if there is one.
    pub(crate) fn take(&mut self, at: u32) -> Option<T> {
        let parked = self.slots.remove(at)?;
        parked.left();
        unwatch(&self.epoll, parked.socket());
        Some(parked)
    }

    /// How many are here.
    pub(crate) const fn len(&self) -> usize {
        self.slots.len()
    }
}

/// It goes back to the runtime's own epoll, or is closed.
fn unwatch(epoll: &AsyncFd<OwnedFd>, socket: &OwnedFd) {
    if let Err(error) = epoll::delete(epoll, socket) {
        tracing::warn!(%error, "a parked socket was not watched");
    }
}
