//! The sending half, as far as both roles share it: content, its end, and the fields that only
//! the core writes.

use super::{Connection, ConnectionOptions, Sending};
use crate::body::chunked::SizeLine;
use crate::error::MisuseError;
use crate::message::encode;
use crate::role::Role;

/// What to write before and after a piece of content; both empty unless the content is chunked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delimiters {
    size_line: Option<SizeLine>,
}

impl Delimiters {
    /// To be written before the content: the chunk's size line.
    pub fn before(&self) -> &[u8] {
        self.size_line.as_ref().map_or(&[], SizeLine::as_bytes)
    }

    /// To be written after the content: the chunk's end.
    pub const fn after(&self) -> &'static [u8] {
        match self.size_line {
            Some(_) => b"\r\n",
            None => b"",
        }
    }
}

impl<R: Role> Connection<R> {
    /// The caller is about to write `len` bytes of content: returns what belongs around them.
    /// Zero bytes are never a chunk: the last chunk is [`send_end`](Self::send_end)'s.
    ///
    /// # Errors
    /// No message with content is being sent, or it has less room than `len`.
    #[inline]
    pub fn send_content(&mut self, len: usize) -> Result<Delimiters, MisuseError> {
        match &mut self.sending {
            Sending::Length { left } => {
                *left = left.checked_sub(len as u64).ok_or(MisuseError::TooMuchContent)?;
                Ok(Delimiters { size_line: None })
            }
            Sending::Chunked if len > 0 => Ok(Delimiters { size_line: Some(SizeLine::new(len)) }),
            Sending::Chunked | Sending::UntilClose => Ok(Delimiters { size_line: None }),
            Sending::Idle | Sending::Finished => Err(MisuseError::ContentOutOfTurn),
        }
    }

    /// Ends the message. `trailers` are sent if the content is chunked and left out otherwise:
    /// nothing but the chunked coding can carry them (RFC 9110 section 6.5.1).
    ///
    /// # Errors
    /// Content is missing, a field cannot be sent, or no message is being sent. Then the message
    /// cannot be completed: close the connection, so that its receiver sees it cut.
    pub fn send_end<'f>(
        &mut self,
        trailers: impl IntoIterator<Item = (&'f [u8], &'f [u8])>,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        match self.sending {
            Sending::Length { left: 0 } | Sending::UntilClose => {}
            Sending::Length { left } => return Err(MisuseError::ContentTooShort { left }),
            Sending::Chunked => {
                let start = out.len();
                out.extend_from_slice(b"0\r\n");
                for (name, value) in trailers {
                    if let Err(e) = encode::trailer(name, value, out) {
                        out.truncate(start);
                        return Err(e);
                    }
                }
                out.extend_from_slice(b"\r\n");
            }
            Sending::Idle | Sending::Finished => return Err(MisuseError::ContentOutOfTurn),
        }
        self.sending = if R::IS_SERVER { Sending::Finished } else { Sending::Idle };
        self.settle();
        Ok(())
    }
}

/// A field line checked and encoded once, for a field that is sent with many messages.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct FieldLine {
    bytes: Vec<u8>,
}

impl FieldLine {
    /// No line yet: sends nothing.
    pub const EMPTY: Self = Self { bytes: Vec::new() };

    /// Becomes the line of this field, in the memory that it has.
    ///
    /// # Errors
    /// The field cannot be sent, or is one that the core writes or understands: `Connection`, `Content-Length`,
    /// `Keep-Alive`, `Proxy-Connection`, `Transfer-Encoding`, `Upgrade`. The line is empty then, and sends nothing.
    pub fn set(&mut self, name: &[u8], value: &[u8]) -> Result<(), MisuseError> {
        self.bytes.clear();
        let mut managed = Managed::default();
        let is_managed = managed.absorb(name, value)? || managed.upgrade;
        let encoded =
            if is_managed { Err(MisuseError::InvalidField) } else { encode::field(name, value, &mut self.bytes) };
        if encoded.is_err() {
            self.bytes.clear();
        }
        encoded
    }

    /// The line with its end.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// What the caller's fields said about things that the core decides; they are not copied.
#[derive(Default)]
pub(super) struct Managed {
    pub(super) options: ConnectionOptions,
    /// Connection options other than `close`, `keep-alive` and `upgrade`, as a list.
    pub(super) other_options: Vec<u8>,
    pub(super) length: Option<u64>,
    pub(super) chunked: bool,
    pub(super) upgrade: bool,
}

impl Managed {
    /// Copies the caller's fields to `out`, all but those the core writes itself.
    #[inline]
    pub(super) fn copy<'f>(
        &mut self,
        fields: impl IntoIterator<Item = (&'f [u8], &'f [u8])>,
        out: &mut Vec<u8>,
    ) -> Result<(), MisuseError> {
        for (name, value) in fields {
            if !self.absorb(name, value)? {
                encode::field(name, value, out)?;
            }
        }
        Ok(())
    }

    /// Nothing is to be said of the connection but what the core says.
    #[inline]
    const fn is_silent(&self) -> bool {
        !self.upgrade && self.other_options.is_empty()
    }

    /// Takes note of a field that the core writes itself. `false`: it is to be copied, even so.
    #[inline]
    fn absorb(&mut self, name: &[u8], value: &[u8]) -> Result<bool, MisuseError> {
        if matches!(name.len(), 7 | 10 | 14 | 16 | 17) { self.absorb_likely(name, value) } else { Ok(false) }
    }

    fn absorb_likely(&mut self, name: &[u8], value: &[u8]) -> Result<bool, MisuseError> {
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        match name.len() {
            7 if is(b"upgrade") => {
                self.upgrade = true;
                return Ok(false);
            }
            10 if is(b"connection") => {
                encode::check_value(value)?;
                self.add_options(value);
            }
            // Hints and hop-by-hop leftovers: the core announces what it enforces, and
            // `Proxy-Connection` is never sent (RFC 9112 appendix C.2.2).
            10 if is(b"keep-alive") => {}
            16 if is(b"proxy-connection") => {}
            14 if is(b"content-length") => {
                let length = std::str::from_utf8(value).ok().filter(|v| v.bytes().all(|b| b.is_ascii_digit()));
                let length = length.and_then(|v| v.parse().ok()).ok_or(MisuseError::LengthMismatch)?;
                if self.length.replace(length).is_some_and(|earlier| earlier != length) {
                    return Err(MisuseError::LengthMismatch);
                }
            }
            17 if is(b"transfer-encoding") => {
                if !value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                    return Err(MisuseError::UnsupportedCoding);
                }
                self.chunked = true;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn add_options(&mut self, value: &[u8]) {
        self.options.add(value);
        let owned = [&b"close"[..], b"keep-alive", b"upgrade"];
        for option in value.split(|&b| b == b',').map(<[u8]>::trim_ascii).filter(|o| !o.is_empty()) {
            if !owned.iter().any(|o| o.eq_ignore_ascii_case(option)) {
                self.other_options.extend_from_slice(b", ");
                self.other_options.extend_from_slice(option);
            }
        }
    }

    /// How long the content is: what the caller says, checked against a `Content-Length` field.
    #[inline]
    pub(super) fn content(&self, content: Option<u64>) -> Result<Option<u64>, MisuseError> {
        match (content, self.length) {
            (Some(known), Some(field)) if known != field => Err(MisuseError::LengthMismatch),
            (None, Some(field)) if !self.chunked => Ok(Some(field)),
            (None, Some(_)) => Err(MisuseError::LengthMismatch),
            (content, _) => Ok(content),
        }
    }

    /// Writes the `Connection` field from `option` (may be empty), `upgrade` and the caller's own.
    #[inline]
    pub(super) fn write_connection(&self, option: &str, out: &mut Vec<u8>) {
        if !option.is_empty() || !self.is_silent() {
            self.write_options(option, out);
        }
    }

    #[cold]
    fn write_options(&self, option: &str, out: &mut Vec<u8>) {
        let upgrade = if self.upgrade { ", upgrade" } else { "" };
        out.extend_from_slice(b"Connection: ");
        let start = out.len();
        out.extend_from_slice(option.as_bytes());
        out.extend_from_slice(upgrade.as_bytes());
        out.extend_from_slice(&self.other_options);
        if option.is_empty() {
            // The list began with its separator.
            out.drain(start..start + 2);
        }
        out.extend_from_slice(b"\r\n");
    }
}
