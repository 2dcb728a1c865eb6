//! Several observers at once.

use std::io;
use std::sync::Arc;

use tenure_proto::{CloseReason, Fate};

use super::{ConnectionInfo, Direction, Exchanged, Observer, Opened};

/// Tells two observers, the first one first.
struct Both(Arc<dyn Observer>, Arc<dyn Observer>);

/// One more observer beside those there are.
pub(crate) fn add(to: Option<Arc<dyn Observer>>, more: Arc<dyn Observer>) -> Arc<dyn Observer> {
    match to {
        None => more,
        Some(first) => Arc::new(Both(first, more)),
    }
}

impl Both {
    fn each(&self, tell: impl Fn(&dyn Observer)) {
        tell(&*self.0);
        tell(&*self.1);
    }
}

impl Observer for Both {
    fn opened(&self, connection: Opened) {
        self.each(|o| o.opened(connection.clone()));
    }

    fn closed(&self, id: u64, why: CloseReason, exchanges: u64) {
        self.each(|o| o.closed(id, why, exchanges));
    }

    fn parked(&self, id: u64) {
        self.each(|o| o.parked(id));
    }

    fn woken(&self, id: u64) {
        self.each(|o| o.woken(id));
    }

    fn not_accepted(&self, error: &io::Error) {
        self.each(|o| o.not_accepted(error));
    }

    fn began(&self, connection: &ConnectionInfo, method: &str) {
        self.each(|o| o.began(connection, method));
    }

    fn exchanged(&self, exchange: &Exchanged<'_>) {
        self.each(|o| o.exchanged(exchange));
    }

    fn repeated(&self, fate: Fate) {
        self.each(|o| o.repeated(fate));
    }

    fn watches_bytes(&self) -> bool {
        self.0.watches_bytes() || self.1.watches_bytes()
    }

    fn bytes(&self, id: u64, direction: Direction, bytes: &[u8]) {
        self.each(|o| o.bytes(id, direction, bytes));
    }
}
