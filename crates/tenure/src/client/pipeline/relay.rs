//! A response's content on its way from its lane to its caller: a bounded queue.
//!
//! So much is read ahead that a small response never holds up those behind it, however late its
//! caller reads it. Beyond that the lane reads no further until the caller does.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tenure_proto::{CloseReason, Fate};

use crate::Error;
use crate::error::Kind;
use crate::io::Receiving;

/// Bytes of content held for a caller before the lane reads no further.
const READ_AHEAD: usize = 64 * 1024;

/// The lane's end.
pub(super) struct Feed(Arc<Mutex<Slot>>);

/// The caller's end: the body of its response.
pub(super) struct Content(Arc<Mutex<Slot>>);

/// Guarded by one lock, held for a few moves and never across a wait.
#[derive(Default)]
struct Slot {
    frames: VecDeque<Frame<Bytes>>,
    held: usize,
    end: Option<Result<(), Error>>,
    /// Bytes that the caller has not taken, where their number is known.
    left: Option<u64>,
    gone: bool,
    caller: Option<Waker>,
    lane: Option<Waker>,
}

/// Whether content can be put.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Room {
    Some,
    /// The caller has to read first.
    None,
    /// The caller has let go of the body.
    Gone,
}

/// A new queue; `length` of the content where it is known.
pub(super) fn relay(length: Option<u64>) -> (Feed, Content) {
    let slot = Arc::new(Mutex::new(Slot { left: length, ..Slot::default() }));
    (Feed(Arc::clone(&slot)), Content(slot))
}

fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Feed {
    /// The lane is woken when the answer changes.
    pub(super) fn room(&self, cx: &mut Context<'_>) -> Room {
        let mut slot = lock(&self.0);
        slot.lane = Some(cx.waker().clone());
        match slot.held < READ_AHEAD {
            _ if slot.gone => Room::Gone,
            true => Room::Some,
            false => Room::None,
        }
    }

    pub(super) fn put(&self, frame: Frame<Bytes>) {
        let mut slot = lock(&self.0);
        slot.held += frame.data_ref().map_or(0, Bytes::len);
        slot.frames.push_back(frame);
        slot.wake_caller();
    }

    pub(super) fn end(self, result: Result<(), Error>) {
        lock(&self.0).finish(result);
    }
}

impl Slot {
    fn finish(&mut self, result: Result<(), Error>) {
        self.end = Some(result);
        self.wake_caller();
    }

    fn wake_caller(&mut self) {
        if let Some(waker) = self.caller.take() {
            waker.wake();
        }
    }

    fn wake_lane(&mut self) {
        if let Some(waker) = self.lane.take() {
            waker.wake();
        }
    }

    fn take(&mut self) -> Option<Frame<Bytes>> {
        let frame = self.frames.pop_front()?;
        let len = frame.data_ref().map_or(0, Bytes::len);
        let was_full = self.held >= READ_AHEAD;
        self.held -= len;
        self.left = self.left.map(|left| left.saturating_sub(len as u64));
        if was_full && self.held < READ_AHEAD {
            self.wake_lane();
        }
        Some(frame)
    }
}

impl Drop for Feed {
    /// The lane's task ended: whoever still waits for content must hear of it.
    fn drop(&mut self) {
        let mut slot = lock(&self.0);
        if slot.end.is_none() {
            slot.finish(Err(Error::new(Kind::Ended(CloseReason::Transport), Fate::AnsweredInPart)));
        }
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        let mut slot = lock(&self.0);
        slot.gone = true;
        slot.frames.clear();
        slot.wake_lane();
    }
}

impl Receiving for Content {
    /// Its drop tells the lane.
    fn let_go(self: Box<Self>) {}
}

impl HttpBody for Content {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let mut slot = lock(&self.0);
        if let Some(frame) = slot.take() {
            return Poll::Ready(Some(Ok(frame)));
        }
        match slot.end.replace(Ok(())) {
            Some(Ok(())) => Poll::Ready(None),
            Some(Err(error)) => Poll::Ready(Some(Err(error))),
            None => {
                slot.end = None;
                slot.caller = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let slot = lock(&self.0);
        slot.frames.is_empty() && matches!(slot.end, Some(Ok(())))
    }

    fn size_hint(&self) -> SizeHint {
        lock(&self.0).left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
