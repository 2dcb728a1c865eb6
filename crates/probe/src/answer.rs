//! A response, as it came.

use tenure_proto::{ConnectionOptions, KeepAlive, Persistence, ResponseHead, Version};
use tokio::time::Instant;

/// A whole final response.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) version: Version,
    /// Whether it says that another request may follow, its framing included.
    pub(crate) persistence: Persistence,
    pub(crate) options: ConnectionOptions,
    pub(crate) keep_alive: Option<KeepAlive>,
    fields: Vec<(String, String)>,
    /// Bytes of content.
    pub(crate) content: u64,
    /// When its last byte was there.
    pub(crate) at: Instant,
}

impl Answer {
    pub(crate) fn of(head: &ResponseHead<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            status: head.status.as_u16(),
            version: head.version,
            persistence: head.persistence,
            options: head.options,
            keep_alive: head.keep_alive,
            fields: head.fields.iter().map(|field| (text(field.name), text(&field.value))).collect(),
            content: 0,
            at: Instant::now(),
        }
    }

    /// The first field of this name, in any case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether another request may follow on its connection.
    pub(crate) fn persists(&self) -> bool {
        self.persistence == Persistence::Persist
    }

    /// `Keep-Alive: timeout=`, in seconds.
    pub(crate) fn announced(&self) -> Option<u64> {
        self.keep_alive.and_then(|keep_alive| keep_alive.timeout)
    }
}
