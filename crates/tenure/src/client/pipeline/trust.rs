//! Whether an origin may be pipelined to: it has shown that it keeps connections, and has not lost
//! answers. Pure: it is told, and answers.

use std::time::{Duration, Instant};

use tenure_proto::CloseReason;

/// After so long the server may be another one.
pub(super) const EXPIRY: Duration = Duration::from_secs(600);
/// A connection that was idle for so long may have been closed for that alone.
const IDLE: Duration = Duration::from_millis(100);

/// What is known about one origin.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) enum Trust {
    /// Nothing: one request at a time, until an answer shows more.
    #[default]
    Unknown,
    /// It has answered with HTTP/1.1 and kept the connection (RFC 9112 section 9.3.2).
    Shown { at: Instant },
    /// Pipelining to it went wrong.
    Failed { at: Instant },
}

impl Trust {
    /// An answer came; `persists`: with HTTP/1.1, and the connection goes on.
    pub(super) fn answered(&mut self, persists: bool, now: Instant) {
        match self.at(now) {
            Self::Failed { .. } => {}
            _ if persists => *self = Self::Shown { at: now },
            // A close alone says nothing new.
            known => *self = known,
        }
    }

    /// Pipelining went wrong.
    pub(super) fn failed(&mut self, now: Instant) {
        *self = Self::Failed { at: now };
    }

    /// What is still worth something.
    pub(super) fn at(self, now: Instant) -> Self {
        match self {
            Self::Shown { at } | Self::Failed { at } if now.saturating_duration_since(at) >= EXPIRY => Self::Unknown,
            known => known,
        }
    }
}

/// How a connection ended while requests on it were unanswered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ending {
    /// Why.
    pub(super) why: CloseReason,
    /// Some of them stood in a pipeline.
    pub(super) pipelined: bool,
    /// Requests that it had answered since it was taken from the pool.
    pub(super) answered: u64,
    /// How long it had been idle before that.
    pub(super) idle: Duration,
    /// Requests that may be outstanding at once.
    pub(super) depth: u8,
}

impl Ending {
    /// True if it speaks against pipelining to this server.
    pub(super) fn is_fault(self) -> bool {
        match self.why {
            _ if !self.pipelined => false,
            _ if self.is_idle_race() && self.idle >= IDLE => false,
            // It said so, and it processes nothing behind that (RFC 9112 section 9.6): nothing is lost.
            // But a server that does it all the time gives no pipeline a chance to gain anything.
            CloseReason::CloseOption => self.answered < u64::from(self.depth),
            CloseReason::Http10
            | CloseReason::CloseDelimited
            | CloseReason::FaultyFraming
            | CloseReason::TimedOut
            | CloseReason::Malformed
            | CloseReason::Unsolicited
            | CloseReason::PeerFin
            | CloseReason::PeerReset => true,
            // This side's own doing.
            _ => false,
        }
    }

    /// True if it may be the race with an idle timeout, which every request can lose.
    pub(super) fn is_idle_race(self) -> bool {
        self.answered == 0 && matches!(self.why, CloseReason::PeerFin | CloseReason::PeerReset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_is_earned_by_an_answer_and_grows_old() {
        let (mut trust, now) = (Trust::default(), Instant::now());
        trust.answered(false, now);
        assert_eq!(trust, Trust::Unknown);
        trust.answered(true, now);
        trust.answered(false, now);
        assert_eq!(trust.at(now + EXPIRY - Duration::from_secs(1)), Trust::Shown { at: now });
        assert_eq!(trust.at(now + EXPIRY), Trust::Unknown);
    }

    #[test]
    fn a_failure_is_not_made_good_by_answers_but_by_time() {
        let (mut trust, now) = (Trust::default(), Instant::now());
        trust.answered(true, now);
        trust.failed(now);
        trust.answered(true, now + Duration::from_secs(1));
        assert_eq!(trust.at(now + Duration::from_secs(2)), Trust::Failed { at: now });
        trust.answered(true, now + EXPIRY);
        assert_eq!(trust, Trust::Shown { at: now + EXPIRY });
    }

    #[test]
    fn what_speaks_against_pipelining() {
        let ending = |why| Ending { why, pipelined: true, answered: 3, idle: Duration::ZERO, depth: 8 };
        for why in [
            CloseReason::PeerFin,
            CloseReason::PeerReset,
            CloseReason::Malformed,
            CloseReason::Unsolicited,
            CloseReason::Http10,
            CloseReason::CloseDelimited,
            CloseReason::TimedOut,
        ] {
            assert!(ending(why).is_fault(), "{why}");
            assert!(!Ending { pipelined: false, ..ending(why) }.is_fault(), "{why}: no pipeline");
        }
        for why in [CloseReason::Abandoned, CloseReason::Shutdown, CloseReason::HeadOfLine] {
            assert!(!ending(why).is_fault(), "{why}: our own doing");
        }
    }

    #[test]
    fn an_announced_close_counts_only_before_the_pipeline_was_once_full() {
        let ending = |answered| Ending {
            why: CloseReason::CloseOption,
            pipelined: true,
            answered,
            idle: Duration::ZERO,
            depth: 8,
        };
        assert!(ending(7).is_fault());
        assert!(!ending(8).is_fault());
    }

    #[test]
    fn a_close_that_the_idle_time_explains_is_no_fault() {
        let ending = |answered, idle| Ending { why: CloseReason::PeerFin, pipelined: true, answered, idle, depth: 8 };
        assert!(!ending(0, IDLE).is_fault());
        assert!(ending(1, IDLE).is_fault(), "it had answered again");
        assert!(ending(0, IDLE - Duration::from_millis(1)).is_fault(), "it had not been idle");
    }
}
