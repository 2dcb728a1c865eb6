//! Writes content to an incoming file in large batches, each on a blocking thread, while the next
//! one is gathered. However large the file, two batches are held, and however small the pieces in
//! which it arrives, they are not: pieces are copied, for a piece may keep a whole read buffer alive.

use std::io;
use std::mem;

use tokio::task::{JoinHandle, spawn_blocking};

use super::answer::Refusal;
use super::store::Incoming;

/// How much is gathered before it is written: large enough that handing it to another thread costs
/// little beside writing it.
const BATCH: usize = 256 * 1024;

/// An incoming file and what is gathered for it. Dropping it removes the file, if need be after the
/// write under way; [`Writer::discard`] waits for that.
pub(super) struct Writer {
    batch: Vec<u8>,
    state: State,
}

enum State {
    Idle(Box<Incoming>),
    Writing(JoinHandle<io::Result<Box<Incoming>>>),
    /// A write failed and the file is removed.
    Failed,
}

impl Writer {
    pub(super) fn new(incoming: Incoming) -> Self {
        Self { batch: Vec::new(), state: State::Idle(Box::new(incoming)) }
    }

    /// Takes more content. An error may be that of a write begun earlier.
    pub(super) async fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.batch.extend_from_slice(bytes);
        if self.batch.len() < BATCH {
            return Ok(());
        }
        let mut incoming = self.idle().await?;
        let next = Vec::with_capacity(self.batch.capacity());
        let batch = mem::replace(&mut self.batch, next);
        self.state = State::Writing(spawn_blocking(move || {
            incoming.write(&batch)?;
            Ok(incoming)
        }));
        Ok(())
    }

    /// Writes the rest and does `then` with the complete file, in one go on a blocking thread.
    /// `failed` says what a failed write is to the client.
    pub(super) async fn finish<T: Send + 'static>(
        mut self,
        failed: impl Fn(io::Error) -> Refusal + Send + 'static,
        then: impl FnOnce(Incoming) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let mut incoming = self.idle().await.map_err(&failed)?;
        let batch = self.batch;
        refusing(move || {
            incoming.write(&batch).map_err(failed)?;
            then(*incoming)
        })
        .await
    }

    /// Removes the file, and returns when it is removed.
    pub(super) async fn discard(mut self) {
        drop(self.idle().await);
    }

    /// Takes the file when no write is under way.
    async fn idle(&mut self) -> io::Result<Box<Incoming>> {
        match mem::replace(&mut self.state, State::Failed) {
            State::Idle(incoming) => Ok(incoming),
            State::Writing(task) => task.await.map_err(io::Error::other)?,
            State::Failed => Err(io::Error::other("an earlier write failed")),
        }
    }
}

/// Runs `work` where waiting for a disk holds nobody up.
pub(super) async fn refusing<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(Refusal::new(
            http::StatusCode::INTERNAL_SERVER_ERROR,
            format!("the server is stopping or has failed: {error}"),
        ))
    })
}
