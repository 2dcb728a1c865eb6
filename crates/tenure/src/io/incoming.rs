//! A request's content on its way from the server's loop to the handler: a slot for one frame.
//!
//! The loop reads only when the handler has asked, so a slow handler slows its client and nothing
//! piles up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};

use crate::Error;

/// The loop's end of the slot.
#[derive(Debug)]
pub(crate) struct Feed(Arc<Mutex<Slot>>);

/// The handler's end.
#[derive(Debug)]
pub(crate) struct Incoming(Arc<Mutex<Slot>>);

/// Guarded by one lock, held for a few moves and never across a wait.
#[derive(Debug, Default)]
struct Slot {
    frame: Option<Frame<Bytes>>,
    end: Option<Result<(), Error>>,
    left: Option<u64>,
    wanted: bool,
    dropped: bool,
    handler: Option<Waker>,
    driver: Option<Waker>,
}

/// A new slot; `length` of the content where it is known.
pub(crate) fn slot(length: Option<u64>) -> (Feed, Incoming) {
    let slot = Arc::new(Mutex::new(Slot { left: length, ..Slot::default() }));
    (Feed(Arc::clone(&slot)), Incoming(slot))
}

fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Feed {
    /// Ready when the handler waits for content; registers the loop to be woken when it does.
    pub(crate) fn poll_wanted(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut slot = lock(&self.0);
        if slot.wanted && slot.frame.is_none() && slot.end.is_none() {
            return Poll::Ready(());
        }
        slot.driver = Some(cx.waker().clone());
        Poll::Pending
    }

    /// True once the handler has let go of the content.
    pub(crate) fn is_dropped(&self) -> bool {
        lock(&self.0).dropped
    }

    pub(crate) fn content(&self, data: Bytes) {
        let mut slot = lock(&self.0);
        slot.left = slot.left.map(|left| left.saturating_sub(data.len() as u64));
        slot.put(Frame::data(data));
    }

    pub(crate) fn end(&self, trailers: Option<HeaderMap>) {
        let mut slot = lock(&self.0);
        if let Some(trailers) = trailers {
            slot.put(Frame::trailers(trailers));
        }
        slot.finish(Ok(()));
    }

    pub(crate) fn fail(&self, error: Error) {
        lock(&self.0).finish(Err(error));
    }
}

impl Slot {
    fn put(&mut self, frame: Frame<Bytes>) {
        self.frame = Some(frame);
        self.wanted = false;
        self.wake_handler();
    }

    fn finish(&mut self, end: Result<(), Error>) {
        self.end = Some(end);
        self.wake_handler();
    }

    fn wake_handler(&mut self) {
        if let Some(waker) = self.handler.take() {
            waker.wake();
        }
    }
}

impl Incoming {
    pub(crate) fn poll_frame(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let mut slot = lock(&self.0);
        if let Some(frame) = slot.frame.take() {
            return Poll::Ready(Some(Ok(frame)));
        }
        match slot.end.take() {
            Some(Ok(())) => {
                slot.end = Some(Ok(()));
                Poll::Ready(None)
            }
            Some(Err(error)) => {
                slot.end = Some(Ok(()));
                Poll::Ready(Some(Err(error)))
            }
            None => {
                slot.wanted = true;
                slot.handler = Some(cx.waker().clone());
                if let Some(driver) = slot.driver.take() {
                    driver.wake();
                }
                Poll::Pending
            }
        }
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        let slot = lock(&self.0);
        slot.frame.is_none() && matches!(slot.end, Some(Ok(())))
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        let slot = lock(&self.0);
        let waiting = slot.frame.as_ref().and_then(Frame::data_ref).map_or(0, |d| d.len() as u64);
        slot.left.map_or_else(SizeHint::default, |left| SizeHint::with_exact(left + waiting))
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let mut slot = lock(&self.0);
        slot.dropped = true;
        slot.frame = None;
        if let Some(driver) = slot.driver.take() {
            driver.wake();
        }
    }
}

impl Drop for Feed {
    /// The connection's task ended: whoever still waits for content must hear of it.
    fn drop(&mut self) {
        let mut slot = lock(&self.0);
        if slot.end.is_none() {
            let why = tenure_proto::CloseReason::Transport;
            slot.finish(Err(Error::new(crate::error::Kind::Ended(why), tenure_proto::Fate::Unknown)));
        }
    }
}
