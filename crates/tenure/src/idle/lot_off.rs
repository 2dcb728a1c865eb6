//! Without nested epoll nothing is parked: a quiet connection waits in its task.

use std::io;
use std::task::{Context, Poll};

/// What has an end.
pub(crate) trait Ends {
    /// A moment, however it is counted.
    type Moment: Ord + Copy;

    /// When its time is over.
    fn until(&self) -> Self::Moment;
}

/// What can be parked: nothing here.
pub(crate) trait Park: Ends {}

/// Always empty.
#[derive(Debug)]
pub(crate) struct Lot<T>(std::marker::PhantomData<T>);

impl<T: Park> Lot<T> {
    /// No lot on this platform.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(std::marker::PhantomData))
    }

    /// Not here.
    pub(crate) fn park(&mut self, parked: T) -> Result<(), (T, io::Error)> {
        Err((parked, io::ErrorKind::Unsupported.into()))
    }

    /// Nobody is here to be woken.
    pub(crate) fn poll_woken(&mut self, _cx: &mut Context<'_>, _woken: &mut Vec<T>) -> Poll<()> {
        Poll::Pending
    }

    /// Never.
    pub(crate) const fn next_end(&self) -> Option<T::Moment> {
        None
    }

    /// Nobody.
    pub(crate) const fn take_due(&mut self, _now: T::Moment) -> Option<T> {
        None
    }

    /// Nobody.
    pub(crate) const fn take_oldest(&mut self) -> Option<T> {
        None
    }

    /// Nobody.
    pub(crate) const fn take(&mut self, _at: u32) -> Option<T> {
        None
    }

    /// None.
    pub(crate) const fn len(&self) -> usize {
        0
    }
}
