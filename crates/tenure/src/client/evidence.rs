//! Evidence that a request never reached the server's program.
//!
//! On a reused connection the peer's FIN came before any byte of a response. If then the
//! connection is reset, and none of the request's bytes was ever acknowledged, the server had
//! closed before the request came. This rests on one assumption: the peer processes nothing that
//! reaches it after it has closed its own side (the staged close of RFC 9112 section 9.6). A
//! server that half-closes, then processes, then resets defeats it;
//! [`Builder::repeat_undelivered`](super::Builder::repeat_undelivered) turns the conclusion off.

use std::io;
use std::time::Duration;

use tenure_proto::Fate;

use super::connect::Stream;
use crate::TcpFacts;
use crate::io::now;

/// How long the reset or the acknowledgement is awaited: some round trips, within these bounds.
const LEAST: Duration = Duration::from_millis(100);
const MOST: Duration = Duration::from_secs(2);

/// Acknowledged bytes before a request was sent: `None` if they can prove nothing.
pub(super) fn before(stream: &dyn Stream) -> Option<u64> {
    // Zero cannot be told from a kernel that does not count.
    stream.facts().ok()?.acknowledged.filter(|&bytes| bytes > 0)
}

/// What became of a request whose connection ended by FIN before any answer.
pub(super) async fn judge(stream: &dyn Stream, before: u64) -> Fate {
    let start = now();
    let mut pause = Duration::from_millis(1);
    loop {
        let Ok(facts) = stream.facts() else { return Fate::Unknown };
        if facts.acknowledged != Some(before) {
            return Fate::Unknown;
        }
        if facts.is_closed {
            return if timed_out(stream) { Fate::Unknown } else { Fate::LikelyUndelivered };
        }
        if now() - start >= wait(facts) {
            return Fate::Unknown;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

fn wait(facts: TcpFacts) -> Duration {
    (facts.round_trip * 4).clamp(LEAST, MOST)
}

/// The connection is gone because this side gave up, which says nothing about the peer.
fn timed_out(stream: &dyn Stream) -> bool {
    matches!(stream.take_error(), Ok(Some(e)) if e.kind() == io::ErrorKind::TimedOut)
}
