//! Content that is a part of a file: queued in pieces, which the kernel sends without anybody reading them.

use std::future::Future as _;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use tenure_proto::CloseReason;

use crate::io::file::{AtFault, FilePart};
use crate::server::drive::{Drive, Ended, broken};
use crate::server::listener::UNSENT;
use crate::server::stream::Stream;
use crate::{Body, BoxError};

/// What the kernel is given at a time, as nginx does by default (`sendfile_max_chunk`); and what may wait in the kernel
/// unsent before a file's last piece, instead of [`UNSENT`]. It is the file's own memory, lent to the socket and not
/// copied, so that much of it costs little, and the less often the socket has room again.
const PIECE: u32 = 2 * 1024 * 1024;

/// A part of a file on its way out.
pub(super) struct OutgoingFile {
    rest: FilePart,
    /// More than of other content may wait unsent.
    holds_more: bool,
    /// Other connections had no turn since the last piece.
    owes_turn: bool,
}

/// Whether there is more behind a piece.
pub(super) enum More {
    Follows,
    Ended,
}

impl<S: Stream> Drive<S> {
    /// The part of a file that `body` is, if it can be sent without being read.
    pub(super) fn file_of<B: 'static>(&mut self, body: &B) -> Option<OutgoingFile> {
        let rest = Body::file_of(body)?;
        self.transport.sends_files().then_some(OutgoingFile { rest, holds_more: false, owes_turn: false })
    }

    /// Queues the next piece. Only while the queue is not full.
    pub(super) fn poll_queue_file(
        &mut self,
        file: &mut OutgoingFile,
        cx: &mut Context<'_>,
    ) -> Poll<Result<More, BoxError>> {
        if std::mem::take(&mut file.owes_turn) {
            // A peer that takes all at once would keep the thread until the file ends.
            ready!(pin!(tokio::task::yield_now()).poll(cx));
        }
        let piece = file.rest.split(PIECE.into());
        let follows = file.rest.len() > 0;
        if follows != file.holds_more
            && let Some(socket) = self.transport.stream_mut().plain()
        {
            file.holds_more = follows;
            socket.hold_unsent(if follows { PIECE } else { UNSENT });
        }
        let len = piece.len() as usize;
        let delimiters = self.connection.send_content(len)?;
        self.observed.response_content(len);
        self.transport.out().extend_from_slice(delimiters.before());
        self.transport.push_file(piece, delimiters.after())?;
        file.owes_turn = true;
        Poll::Ready(Ok(if follows { More::Follows } else { More::Ended }))
    }

    /// Why the connection ends when what is queued cannot be written.
    pub(in crate::server) fn unsent(&self, error: &io::Error) -> Ended {
        if !AtFault::is_in(error) {
            return Ended(broken(error));
        }
        tracing::error!(connection = self.id(), %error, "the response's content failed");
        Ended(CloseReason::ApplicationFailed)
    }
}
