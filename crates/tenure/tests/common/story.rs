//! An observer that writes down what it was told, in order.

use std::sync::{Arc, Mutex};

use tenure::{CloseReason, ConnectionInfo, Exchanged, Fate, Observer, Opened};
use tokio::sync::Notify;

#[derive(Default)]
pub(crate) struct Story {
    lines: Mutex<Vec<String>>,
    changed: Notify,
}

impl Story {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    fn tell(&self, line: String) {
        self.lines.lock().unwrap().push(line);
        self.changed.notify_waiters();
    }

    pub(crate) fn now(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Waits for a line that begins so; everything up to now.
    pub(crate) async fn until(&self, begins: &str) -> Vec<String> {
        loop {
            let changed = self.changed.notified();
            let lines = self.now();
            if lines.iter().any(|line| line.starts_with(begins)) {
                return lines;
            }
            changed.await;
        }
    }
}

impl Observer for Story {
    fn opened(&self, connection: Opened) {
        self.tell(format!("opened {}", connection.id));
    }

    fn closed(&self, id: u64, why: CloseReason, exchanges: u64) {
        self.tell(format!("closed {id} {} {exchanges}", why.name()));
    }

    fn parked(&self, id: u64) {
        self.tell(format!("parked {id}"));
    }

    fn woken(&self, id: u64) {
        self.tell(format!("woken {id}"));
    }

    fn began(&self, connection: &ConnectionInfo, method: &str) {
        self.tell(format!("began {}.{} {method}", connection.id, connection.request));
    }

    fn exchanged(&self, e: &Exchanged<'_>) {
        assert!(e.head_after.is_none_or(|head| head <= e.took), "{e:?}");
        assert_eq!(e.head_after.is_some(), e.status.is_some(), "{e:?}");
        self.tell(format!(
            "exchanged {}.{} '{} {} {}' {} in {} out {} {}",
            e.connection.id,
            e.connection.request,
            e.method,
            e.target,
            e.version,
            e.status.map_or(0, |status| status.as_u16()),
            e.request_content,
            e.response_content,
            if e.is_complete { "whole" } else { "cut" },
        ));
    }

    fn repeated(&self, fate: Fate) {
        self.tell(format!("repeated {}", fate.name()));
    }
}
