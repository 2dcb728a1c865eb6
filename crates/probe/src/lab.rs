//! What every experiment is given.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout};

use crate::answer::Answer;
use crate::dial::{Dial, Offer};
use crate::failure::Failure;
use crate::line::{Line, Trouble};
use crate::request::Request;
use crate::target::Target;
use crate::timeline::Recorder;

/// A server that should close now may take so long for it: a staged close waits for the client first.
pub(crate) const SOON: Duration = Duration::from_secs(3);

/// Between two connections that are made: a server with a short queue for new ones would leave the last of a burst
/// waiting, and its first byte's time would be the queue's.
const SPACING: Duration = Duration::from_millis(10);

/// The server under test, and the bounds.
#[derive(Clone)]
pub(crate) struct Lab {
    pub(crate) dial: Arc<dyn Dial>,
    pub(crate) target: Arc<Target>,
    /// The longest wait for what may never happen.
    pub(crate) max_wait: Duration,
    /// The longest wait for an answer, or for a connection.
    pub(crate) patience: Duration,
    /// A place for each connection that may be open.
    pub(crate) room: Arc<Semaphore>,
    /// When the next connection may be made.
    pub(crate) pace: Arc<Mutex<Instant>>,
    /// A connection that is open keeps all others waiting.
    pub(crate) one_at_a_time: bool,
    /// What happens on the connections is told here.
    pub(crate) recorder: Recorder,
}

impl Lab {
    /// A new connection, once there is room for it.
    pub(crate) async fn open(&self) -> Result<Line, Trouble> {
        self.opened(None).await
    }

    /// The same over TLS with an offer of its own.
    pub(crate) async fn open_tls(&self, offer: Offer) -> Result<Line, Trouble> {
        self.opened(Some(offer)).await
    }

    async fn opened(&self, offer: Option<Offer>) -> Result<Line, Trouble> {
        let place = Arc::clone(&self.room).acquire_owned().await;
        let place = place.map_err(|_| Trouble::NotPossible("the run is over".to_owned()))?;
        let turn = {
            let mut next = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*next).max(Instant::now());
            *next = turn + SPACING;
            turn
        };
        sleep_until(turn).await;
        let dialing = match offer {
            None => self.dial.dial(),
            Some(offer) => self.dial.dial_tls(offer),
        };
        match timeout(self.patience, dialing).await {
            Ok(Ok(opened)) => Ok(Line::new(opened, self.patience, place, self.recorder.track())),
            Ok(Err(failure)) => Err(Trouble::Dial(failure)),
            Err(_) => {
                let why = format!("no connection within {} s", self.patience.as_secs_f64());
                Err(Trouble::Dial(Failure::Unreachable(why)))
            }
        }
    }

    pub(crate) fn get(&self) -> Request {
        Request::new("GET", &self.target)
    }

    /// A safe method that may have content: what is measured is the connection, and nothing shall be stored.
    pub(crate) fn options(&self) -> Request {
        Request::new("OPTIONS", &self.target).field("Content-Type", "application/octet-stream")
    }

    /// A new connection with one GET on it, and its answer.
    pub(crate) async fn used(&self) -> Result<(Line, Answer), Trouble> {
        let mut line = self.open().await?;
        let answer = line.ask(&self.get()).await?;
        Ok((line, answer))
    }

    /// The same, if the server keeps connections.
    pub(crate) async fn kept(&self) -> Result<(Line, Answer), Trouble> {
        let (line, answer) = self.used().await?;
        if answer.persists() {
            return Ok((line, answer));
        }
        Err(Trouble::NotPossible("the server closes after each response".to_owned()))
    }

    pub(crate) fn soon(&self) -> Instant {
        Instant::now() + SOON.min(self.max_wait)
    }
}
