//! What a head says about framing, persistence and the connection, gathered line by line.

use super::bytes::{self, is_name};
use super::field::value_of;
use super::{Fault, Fields, target};
use crate::connection::ConnectionOptions;
use crate::error::ErrorKind;
use crate::version::Version;

/// The parameters of a `Keep-Alive` field: what the sender says it will do. A hint, no promise.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct KeepAlive {
    /// `timeout`: seconds an idle connection is kept.
    pub timeout: Option<u64>,
    /// `max`: further requests the connection will carry.
    pub max: Option<u64>,
}

impl KeepAlive {
    /// What the fields of a head say. Read from the whole head, and only where one is there: a
    /// connection need not keep it while the head is on its way.
    #[inline]
    pub(crate) fn of(fields: Fields<'_>, facts: &Facts) -> Option<Self> {
        if facts.keep_alive { Some(Self::read(fields)) } else { None }
    }

    #[cold]
    fn read(fields: Fields<'_>) -> Self {
        let mut hint = Self::default();
        fields.get_all("keep-alive").for_each(|value| hint.add(&value));
        hint
    }

    fn add(&mut self, value: &[u8]) {
        for parameter in bytes::list(value) {
            let Some(equals) = memchr::memchr(b'=', parameter) else { continue };
            let name = bytes::trim(&parameter[..equals]);
            let number = bytes::trim(&parameter[equals + 1..]);
            let number = number.strip_prefix(b"\"").and_then(|n| n.strip_suffix(b"\"")).unwrap_or(number);
            if name.eq_ignore_ascii_case(b"timeout") {
                self.timeout = bytes::decimal(number).or(self.timeout);
            } else if name.eq_ignore_ascii_case(b"max") {
                self.max = bytes::decimal(number).or(self.max);
            }
        }
    }
}

/// Transfer codings seen so far, over all lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Codings {
    /// Where the first `Transfer-Encoding` line starts, if there is one. Narrow, since every connection holds one.
    pub(crate) at: Option<u32>,
    pub(crate) chunked: u8,
    pub(crate) chunked_is_final: bool,
    pub(crate) other: bool,
    pub(crate) unknown: bool,
    pub(crate) malformed: bool,
}

/// Everything later decisions need from the fields of one head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Facts {
    pub(crate) fields: usize,
    pub(crate) options: ConnectionOptions,
    pub(crate) length: Option<u64>,
    pub(crate) codings: Codings,
    pub(crate) host: bool,
    pub(crate) expect_continue: bool,
    pub(crate) expect_other: bool,
    pub(crate) upgrade: bool,
    /// There is a `Keep-Alive` field: see [`KeepAlive::of`].
    pub(crate) keep_alive: bool,
}

impl Facts {
    pub(crate) const NEW: Self = Self {
        fields: 0,
        options: ConnectionOptions { close: false, keep_alive: false, upgrade: false },
        length: None,
        codings: Codings {
            at: None,
            chunked: 0,
            chunked_is_final: false,
            other: false,
            unknown: false,
            malformed: false,
        },
        host: false,
        expect_continue: false,
        expect_other: false,
        upgrade: false,
        keep_alive: false,
    };

    /// Takes note of one field line that passed `check_line`, where it lies in what was `received`: from `start` to
    /// `end`, its name up to `colon`. Faults are counted from the line's start.
    #[inline]
    pub(crate) fn gather(
        &mut self,
        received: &[u8],
        (start, colon, end): (usize, usize, usize),
        version: Version,
        server: bool,
    ) -> Result<(), Fault> {
        // Length and first letter rule out nearly every field that means nothing here.
        let name_len = colon - start;
        if name_len < 32 && LIKELY[usize::from(received[start])] >> name_len & 1 == 1 {
            return if name_len == 4 {
                self.gather_host(received, (start, colon, end), server)
            } else {
                self.gather_likely(received, (start, colon, end), version, server)
            };
        }
        Ok(())
    }

    #[inline(never)]
    fn gather_likely(
        &mut self,
        received: &[u8],
        (start, colon, end): (usize, usize, usize),
        version: Version,
        server: bool,
    ) -> Result<(), Fault> {
        let line = &received[start..end];
        let name_len = colon - start;
        let name = &line[..name_len];
        let value = || value_of(line, name_len, server);
        match name_len {
            6 if is_name(name, b"expect") => self.expect(&value()),
            7 if is_name(name, b"upgrade") => self.upgrade = true,
            10 if is_name(name, b"connection") => self.options.add(&value()),
            10 if is_name(name, b"keep-alive") => self.keep_alive = true,
            14 if is_name(name, b"content-length") => return self.content_length(&value(), name_len, server),
            17 if is_name(name, b"transfer-encoding") => {
                return self.transfer_encoding(&value(), start, version, server);
            }
            _ => {}
        }
        Ok(())
    }

    fn gather_host(
        &mut self,
        received: &[u8],
        (start, colon, end): (usize, usize, usize),
        server: bool,
    ) -> Result<(), Fault> {
        if !server || !is_name(&received[start..colon], b"host") {
            return Ok(());
        }
        if std::mem::replace(&mut self.host, true) {
            return Err(Fault::new(ErrorKind::RepeatedHost, 0));
        }
        let value = colon + 1 + usize::from(received.get(colon + 1) == Some(&b' '));
        let is_host =
            target::is_plain_host(received, value, end) || target::is_host(bytes::trim(&received[colon + 1..end]));
        if is_host { Ok(()) } else { Err(Fault::new(ErrorKind::BadHost, 5)) }
    }

    fn expect(&mut self, value: &[u8]) {
        for expectation in bytes::list(value) {
            // RFC 9110 section 10.1.1: compared without case.
            if expectation.eq_ignore_ascii_case(b"100-continue") {
                self.expect_continue = true;
            } else {
                self.expect_other = true;
            }
        }
    }

    /// RFC 9112 section 6.3 rule 5. A request gets one length or none; a response may repeat the
    /// same number, which is then taken once.
    fn content_length(&mut self, value: &[u8], name_len: usize, server: bool) -> Result<(), Fault> {
        let bad = Fault::new(ErrorKind::BadContentLength, name_len + 1);
        let repeated = Fault::new(ErrorKind::RepeatedContentLength, name_len + 1);
        if server && self.length.is_some() {
            return Err(Fault::new(ErrorKind::RepeatedContentLength, 0));
        }
        if server && self.codings.at.is_some() {
            return Err(Fault::new(ErrorKind::LengthAndCoding, 0));
        }
        for (i, member) in value.split(|&b| b == b',').enumerate() {
            let number = bytes::decimal(bytes::trim(member)).ok_or(bad)?;
            match self.length {
                _ if server && i > 0 => return Err(repeated),
                Some(earlier) if earlier != number => return Err(repeated),
                _ => self.length = Some(number),
            }
        }
        Ok(())
    }

    fn transfer_encoding(&mut self, value: &[u8], place: usize, version: Version, server: bool) -> Result<(), Fault> {
        if server && self.length.is_some() {
            return Err(Fault::new(ErrorKind::LengthAndCoding, 0));
        }
        if server && version < Version::Http11 {
            return Err(Fault::new(ErrorKind::CodingInHttp10, 0));
        }
        self.codings.at.get_or_insert(u32::try_from(place).unwrap_or(u32::MAX));
        self.codings.add(value);
        Ok(())
    }
}

/// By the first letter of a name, in either case: a bit for each length that a name which means something has.
const LIKELY: [u32; 256] = {
    let names: [&[u8]; 7] =
        [b"host", b"expect", b"upgrade", b"connection", b"keep-alive", b"content-length", b"transfer-encoding"];
    let mut lengths = [0; 256];
    let mut i = 0;
    while i < names.len() {
        let name = names[i];
        let (lower, upper) = (name[0] as usize, name[0].to_ascii_uppercase() as usize);
        lengths[lower] |= 1 << name.len();
        lengths[upper] |= 1 << name.len();
        i += 1;
    }
    lengths
};

impl Codings {
    fn add(&mut self, value: &[u8]) {
        let mut any = false;
        for coding in bytes::list(value) {
            any = true;
            let name_end = coding.iter().position(|&b| !bytes::is_token_byte(b)).unwrap_or(coding.len());
            let (name, parameters) = coding.split_at(name_end);
            self.chunked_is_final = name.eq_ignore_ascii_case(b"chunked");
            if self.chunked_is_final {
                self.chunked = self.chunked.saturating_add(1);
                // RFC 9112 section 7.1: parameters of chunked are an error.
                self.malformed |= !parameters.is_empty();
            } else if name.is_empty() || !matches!(bytes::trim(parameters), [] | [b';', ..]) {
                self.malformed = true;
            } else if is_registered(name) {
                self.other = true;
            } else {
                self.unknown = true;
            }
        }
        self.malformed |= !any;
    }
}

/// The registered codings other than `chunked` (RFC 9112 section 7.2).
fn is_registered(name: &[u8]) -> bool {
    [&b"gzip"[..], b"x-gzip", b"deflate", b"compress", b"x-compress"].iter().any(|c| name.eq_ignore_ascii_case(c))
}
