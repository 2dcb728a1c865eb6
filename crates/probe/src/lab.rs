//! What every experiment is given.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::answer::Answer;
use crate::dial::Dial;
use crate::failure::Failure;
use crate::line::{Line, Trouble};
use crate::request::Request;
use crate::target::Target;

/// A server that should close now may take so long for it: a staged close waits for the client first.
pub(crate) const SOON: Duration = Duration::from_secs(3);

/// The server under test, and the bounds.
#[derive(Clone)]
pub(crate) struct Lab {
    pub(crate) dial: Arc<dyn Dial>,
    pub(crate) target: Arc<Target>,
    /// The longest wait for what may never happen.
    pub(crate) max_wait: Duration,
    /// The longest wait for an answer, or for a connection.
    pub(crate) patience: Duration,
    /// How many connections an experiment may have open at once.
    pub(crate) connections: usize,
}

impl Lab {
    /// A new connection.
    pub(crate) async fn open(&self) -> Result<Line, Trouble> {
        match timeout(self.patience, self.dial.dial()).await {
            Ok(Ok(opened)) => Ok(Line::new(opened, self.patience)),
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
