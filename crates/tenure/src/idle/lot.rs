//! The lot on Linux.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, ready};

use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

pub(crate) use super::queue::Ends;
use super::queue::Queue;

/// Woken connections taken up in one go, so that others get their turn.
const BATCH: usize = 256;

/// What can be parked: it owns a socket.
pub(crate) trait Park: Ends {
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
pub(crate) struct Lot<T: Ends> {
    epoll: AsyncFd<OwnedFd>,
    queue: Queue<T>,
}

impl<T: Park> Lot<T> {
    /// An empty lot of the current runtime.
    ///
    /// # Errors
    /// The process has no descriptor left.
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = crate::sys::watch(epoll::create(epoll::CreateFlags::CLOEXEC)?)?;
        Ok(Self { epoll, queue: Queue::new() })
    }

    /// Parks a connection, until bytes or an end come on its socket. Level-triggered: what came
    /// before is seen as well.
    ///
    /// # Errors
    /// The kernel does not watch the socket (memory, or its limit of watches); here it is again.
    pub(crate) fn park(&mut self, parked: T) -> Result<(), (T, io::Error)> {
        let at = self.queue.insert(parked);
        let flags = epoll::EventFlags::IN | epoll::EventFlags::RDHUP | epoll::EventFlags::ONESHOT;
        // The value just put in is in its slot.
        let Some(socket) = self.queue.get(at).map(|parked| parked.socket().as_fd()) else { return Ok(()) };
        let data = epoll::EventData::new_u64(at.into());
        let watched = match epoll::add(&self.epoll, socket, data, flags) {
            // It was here before, and was woken.
            Err(Errno::EXIST) => epoll::modify(&self.epoll, socket, data, flags),
            added => added,
        };
        let Err(error) = watched else {
            self.queue.get(at).inspect(|parked| parked.entered(at));
            return Ok(());
        };
        match self.queue.remove(at) {
            Some(parked) => Err((parked, error.into())),
            None => Ok(()),
        }
    }

    /// Takes out those on whose sockets something came: at least one. The kernel goes on knowing these
    /// sockets, and is silent about them (one-shot): to forget them would cost a call before they are read.
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
                woken.extend(self.remove(event.data.u64() as u32));
            }
            if woken.len() > before {
                return Poll::Ready(());
            }
        }
    }

    /// When to ask for [`take_due`](Self::take_due): not after the first end, perhaps before it.
    pub(crate) fn next_end(&self) -> Option<T::Moment> {
        self.queue.next_end()
    }

    /// Takes out one whose time is over.
    pub(crate) fn take_due(&mut self, now: T::Moment) -> Option<T> {
        let at = self.queue.due(now)?;
        self.take(at)
    }

    /// Takes out the one that has been here longest.
    pub(crate) fn take_oldest(&mut self) -> Option<T> {
        let at = self.queue.oldest()?;
        self.take(at)
    }

    /// Takes out the one in a slot, if there is one.
    pub(crate) fn take(&mut self, at: u32) -> Option<T> {
        let parked = self.remove(at)?;
        unwatch(&self.epoll, parked.socket());
        Some(parked)
    }

    fn remove(&mut self, at: u32) -> Option<T> {
        self.queue.remove(at).inspect(Park::left)
    }

    /// How many are here.
    pub(crate) const fn len(&self) -> usize {
        self.queue.len()
    }
}

/// It is still to be heard of, and must not be: it goes on without bytes having come, or is closed.
fn unwatch(epoll: &AsyncFd<OwnedFd>, socket: &OwnedFd) {
    if let Err(error) = epoll::delete(epoll, socket) {
        tracing::warn!(%error, "a parked socket was not watched");
    }
}
