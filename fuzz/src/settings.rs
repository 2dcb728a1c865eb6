//! The first bytes of an input of the receiving targets: settings, and where the rest is cut.

use std::sync::Arc;

use tenure_proto::{Config, Limits};

/// The header: flags, two bytes of the role's own, and this many lengths.
const PIECES: usize = 5;

/// An input, taken apart.
pub(crate) struct Settings<'d> {
    flags: u8,
    /// The role's own two bytes.
    pub(crate) own: [u8; 2],
    /// Lengths of the pieces that the bytes arrive in, used in turn; 0 stands for 256.
    pub(crate) pieces: &'d [u8],
    /// What the peer sends.
    pub(crate) bytes: &'d [u8],
}

impl<'d> Settings<'d> {
    /// `None` if there is not even a header.
    pub(crate) fn new(data: &'d [u8]) -> Option<Self> {
        let (&[flags, a, b], rest) = data.split_first_chunk()?;
        let (pieces, bytes) = rest.split_at_checked(PIECES)?;
        Some(Self { flags, own: [a, b], pieces, bytes })
    }

    /// The peer closes its side after the bytes.
    pub(crate) const fn eof(&self) -> bool {
        self.flags & 1 != 0
    }

    /// Limits so small that short inputs reach them, or the default ones.
    pub(crate) fn config(&self) -> Arc<Config> {
        let small = Limits {
            start_line: 40,
            head: 120,
            fields: 4,
            trailers: 32,
            chunk_extensions: 8,
            content: 64,
            empty_lines: 1,
            interim: 2,
            outstanding: 16,
        };
        let default = Limits { outstanding: 16, ..Limits::default() };
        Arc::new(Config {
            limits: if self.flags & 2 != 0 { small } else { default },
            http10_keep_alive: self.flags & 4 == 0,
            http09: self.flags & 8 != 0,
            announce_idle: self.flags & 16 != 0,
            ..Config::default()
        })
    }
}
