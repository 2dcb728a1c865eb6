//! A field section that was read before, and what it said: the same bytes say the same again.

use super::Fields;
use super::facts::Facts;
use super::head::Whole;
use crate::limits::Limits;

/// The field section of an earlier head. A head with the very same section, as many have that follow one another on a
/// connection, is not read line by line again: see [`Connection::receive_knowing`](crate::Connection::receive_knowing).
///
/// Nothing that decides is left out: what the lines say of framing and of the connection depends on their bytes and on the
/// role, which are compared; limits are looked at again; and a section with `Transfer-Encoding`, which means something else
/// in another version, is not kept. It may be used for any connection: whose sections are compared with whose is for the
/// caller to decide.
#[derive(Clone, Debug)]
pub struct KnownFields {
    /// Its lines as they were received; empty if there is nothing to compare with.
    section: Vec<u8>,
    facts: Facts,
    server: bool,
    /// The last head had this section, like one before it.
    again: bool,
    edition: u64,
}

impl Default for KnownFields {
    fn default() -> Self {
        Self { section: Vec::new(), facts: Facts::NEW, server: false, again: false, edition: 0 }
    }
}

impl KnownFields {
    /// Longer sections, in bytes, are not kept.
    pub const LONGEST: usize = 1024;

    /// Nothing is known any more; the memory is kept.
    pub fn forget(&mut self) {
        self.section.clear();
        self.edition += 1;
        self.begin();
    }

    /// True if the last head had the same fields as one before it.
    pub const fn came_again(&self) -> bool {
        self.again
    }

    /// Another number for other fields: what was made of them is theirs as long as it stays the same.
    pub const fn edition(&self) -> u64 {
        self.edition
    }

    /// A head begins, or goes on.
    #[inline]
    pub(super) const fn begin(&mut self) {
        self.again = false;
    }

    /// What the section at `start` says, if it is this one and whole.
    #[inline]
    pub(super) fn recall(
        &mut self,
        (input, start): (&[u8], usize),
        server: bool,
        limits: &Limits,
    ) -> Option<(Whole, Facts)> {
        let section = self.section.as_slice();
        let (fields, len) = (start + section.len(), start + section.len() + 2);
        self.again = !section.is_empty()
            && self.server == server
            && len <= limits.head
            && self.facts.fields <= limits.fields
            && input.get(start..fields) == Some(section)
            && input.get(fields..len) == Some(b"\r\n");
        self.again.then_some((Whole { fields, len }, self.facts))
    }

    /// Takes note of a section that was read, and that no [`recall`](Self::recall) has found.
    pub(super) fn learn(&mut self, fields: Fields<'_>, facts: &Facts, server: bool) {
        self.forget();
        // What a coding says depends on the version, and its place on the head.
        if fields.as_bytes().len() <= Self::LONGEST && facts.codings.at.is_none() {
            self.section.extend_from_slice(fields.as_bytes());
            (self.facts, self.server) = (*facts, server);
        }
    }
}
