//! What is known about a request's content on its way: how much, whether all, whether it is stuck.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use indicatif::ProgressBar;

/// Shared by a request's content and whoever waits for its answer.
pub(super) struct Progress {
    bar: ProgressBar,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bytes: u64,
    /// When a piece was handed out that the connection has not yet taken.
    handed: Option<Instant>,
    /// When all of it was taken.
    finished: Option<Instant>,
}

impl Progress {
    pub(super) fn new(bar: ProgressBar) -> Arc<Self> {
        Arc::new(Self { bar, state: Mutex::default() })
    }

    /// Bytes handed to the connection.
    pub(super) fn bytes(&self) -> u64 {
        self.state().bytes
    }

    /// When the connection had taken the last byte.
    pub(super) fn finished(&self) -> Option<Instant> {
        self.state().finished
    }

    /// Ready when the connection has taken nothing for so long while there was something to take.
    pub(super) async fn stuck(&self, patience: Duration) {
        loop {
            let handed = self.state().handed;
            let wait = match handed {
                Some(since) if since.elapsed() >= patience => return,
                Some(since) => patience.saturating_sub(since.elapsed()),
                None => patience,
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// The request is over without having been stored: its bytes do not count.
    pub(super) fn forget(&self) {
        let mut state = self.state();
        self.bar.dec(state.bytes);
        *state = State::default();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body that is watched.
pub(super) struct Watched<B> {
    body: B,
    progress: Arc<Progress>,
    begun: bool,
}

impl<B> Watched<B> {
    pub(super) const fn new(body: B, progress: Arc<Progress>) -> Self {
        Self { body, progress, begun: false }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Watched<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        if !std::mem::replace(&mut this.begun, true) {
            // An earlier attempt may have sent some of it.
            this.progress.forget();
        }
        this.progress.state().handed = None;
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        let mut state = this.progress.state();
        match &frame {
            Some(Ok(frame)) => {
                let len = frame.data_ref().map_or(0, Bytes::len) as u64;
                state.bytes += len;
                state.handed = Some(Instant::now());
                this.progress.bar.inc(len);
            }
            Some(Err(_)) => {}
            None => state.finished = Some(Instant::now()),
        }
        drop(state);
        Poll::Ready(frame)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Full};

    use super::*;

    fn watched(progress: &Arc<Progress>) -> Watched<Full<Bytes>> {
        Watched::new(Full::new(Bytes::from_static(b"12345")), Arc::clone(progress))
    }

    #[tokio::test]
    async fn what_went_out_is_counted_once() {
        let progress = Progress::new(ProgressBar::hidden());
        let mut first = watched(&progress);
        assert_eq!(first.size_hint().exact(), Some(5));
        first.frame().await.unwrap().unwrap();
        assert_eq!((progress.bytes(), progress.finished()), (5, None), "nobody asked for the end yet");
        watched(&progress).collect().await.unwrap();
        assert_eq!(progress.bytes(), 5, "the second attempt begins anew");
        assert!(progress.finished().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn stuck_is_who_does_not_take_what_is_there() {
        let patience = Duration::from_millis(1);
        let progress = Progress::new(ProgressBar::hidden());
        let idle = tokio::time::timeout(Duration::from_secs(5), progress.stuck(patience)).await;
        assert!(idle.is_err(), "nothing was there to be taken");
        watched(&progress).frame().await.unwrap().unwrap();
        progress.stuck(patience).await;
    }
}
