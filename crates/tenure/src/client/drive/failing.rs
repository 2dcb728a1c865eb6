//! How an exchange fails: the error, with what is known about the request.

use tenure_proto::{ErrorKind, Fate};

use super::Exchange;
use crate::error::{Error, Kind};

impl Exchange {
    /// An error with what can be known about the request.
    pub(in crate::client) fn error(&mut self, kind: Kind) -> Error {
        let pooled = self.lease.pooled();
        let begun = match &kind {
            Kind::Protocol(e) => e.kind() != ErrorKind::NoResponse && !matches!(e.kind(), ErrorKind::TimedOut(_)),
            Kind::Stray => false,
            _ => !pooled.transport.unread().is_empty(),
        };
        let fate = if self.answered || begun { Fate::AnsweredInPart } else { self.sent_part() };
        // The write's own error says more than the EOF or reset that followed it.
        match (self.write_error.take(), fate) {
            (Some(error), fate) if fate != Fate::AnsweredInPart => Error::new(Kind::Io(error), fate),
            (_, fate) => Error::new(kind, fate),
        }
    }

    /// What can be known beyond the error itself.
    pub(super) async fn judge(&mut self, error: Error) -> Error {
        let unclear = matches!(error.fate(), Fate::Unknown | Fate::Incomplete);
        // What answers nothing (a 408 for the idle time) comes before the end of its connection.
        let ends = self.fin || error.is_stray();
        match self.before {
            Some(before) if self.judges && ends && unclear && error.lost_connection() => {
                let stream = self.lease.pooled().transport.stream();
                match before.judge(&**stream, self.fin).await {
                    Fate::LikelyUndelivered => error.with_fate(Fate::LikelyUndelivered),
                    _ => error,
                }
            }
            _ => error,
        }
    }
}
