//! Evidence of what crossed what on a reused connection, from the kernel's count of bytes that the
//! peer has not acknowledged (`SIOCOUTQ`), against this side's count of bytes sent. It is asked when
//! something has come: with the answer that costs one cheap system call, and none before.
//!
//! **A response that answers nothing.** Whoever answers a request has received it, and each segment
//! says what was received: the first segment of an answer acknowledges bytes of the request. So
//! bytes that come while none of the request's was acknowledged were sent before it came, and
//! answer nothing, however much they look like a response (RFC 9112 section 9.2): a 408 for the
//! idle time, say. What the server sent after its kernel had received the request cannot be told
//! from an answer by anybody.
//!
//! **A request that never reached the server's program.** The peer's FIN came before any byte of an
//! answer. If then the connection is reset, and none of the request's bytes was ever acknowledged,
//! the server had closed before the request came. This rests on one assumption: the peer processes
//! nothing that reaches it after it has closed its own side (the staged close of RFC 9112 section
//! 9.6). A server that half-closes, then processes, then resets defeats it;
//! [`Builder::repeat_undelivered`](super::Builder::repeat_undelivered) turns the conclusion off.

use std::io;
use std::time::Duration;

use tenure_proto::Fate;

use super::stream::Stream;
use crate::TcpFacts;
use crate::io::now;

/// How long the reset or the acknowledgement is awaited: some round trips, within these bounds.
const LEAST: Duration = Duration::from_millis(100);
const MOST: Duration = Duration::from_secs(2);

/// A connection before a request went out on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    /// Bytes that its socket had taken.
    written: u64,
}

impl Before {
    pub(super) fn of(stream: &dyn Stream) -> Self {
        Self { written: stream.socket().written() }
    }

    /// True if the peer's kernel has had a byte of the request.
    fn is_acknowledged(self, stream: &dyn Stream) -> io::Result<bool> {
        Ok(stream.socket().acknowledged()? > self.written)
    }

    /// False if the peer had no byte of the request when it sent what has come. To be asked at the
    /// first byte: later ones may bring the acknowledgement.
    pub(super) fn may_be_answered(self, stream: &dyn Stream) -> bool {
        self.is_acknowledged(stream).unwrap_or(true)
    }

    /// What became of a request whose connection ended before any answer. `fin`: its end was read.
    /// If not it is to come, behind bytes that answer nothing.
    pub(super) async fn judge(self, stream: &dyn Stream, fin: bool) -> Fate {
        let start = now();
        let mut pause = Duration::from_millis(1);
        loop {
            // First whether it is gone: nothing is acknowledged after that.
            let Ok(facts) = stream.socket().facts() else { return Fate::Unknown };
            if self.may_be_answered(stream) {
                return Fate::Unknown;
            }
            if facts.is_closed {
                return if was_reset_after_fin(stream, fin) { Fate::LikelyUndelivered } else { Fate::Unknown };
            }
            if now() - start >= wait(facts) {
                return Fate::Unknown;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }
}

fn wait(facts: TcpFacts) -> Duration {
    (facts.round_trip * 4).clamp(LEAST, MOST)
}

/// How a connection that is gone has ended.
fn was_reset_after_fin(stream: &dyn Stream, fin: bool) -> bool {
    match stream.socket().take_error() {
        // This side gave up, which says nothing about the peer.
        Ok(Some(e)) if e.kind() == io::ErrorKind::TimedOut => false,
        // EPIPE is a reset after the FIN; one without it is ECONNRESET.
        Ok(Some(e)) => fin || e.kind() == io::ErrorKind::BrokenPipe,
        _ => fin,
    }
}
