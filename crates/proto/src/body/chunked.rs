//! The chunked transfer coding (RFC 9112 section 7.1), decoding and encoding.
//!
//! Line ends are CR LF and nothing else in both roles: programs that differ here see different
//! ends, and attackers know it.

use crate::error::ErrorKind;
use crate::limits::Limits;
use crate::message::{Bound, Fault, Fields, Lines, check_line, is_token_byte};

/// How much of a chunked body has been read.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct ChunkedDecoder {
    state: State,
    /// Content so far, for [`Limits::content`].
    content: u64,
    /// Extension bytes so far, for [`Limits::chunk_extensions`].
    extensions: usize,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum State {
    Size { digits: u8, size: u64 },
    Extension { part: ExtensionPart, size: u64 },
    SizeFeed { size: u64 },
    Data { left: u64 },
    DataReturn,
    DataFeed,
    Trailers { lines: Lines, fields: usize },
}

/// Where in `*( BWS ";" BWS name [ BWS "=" BWS value ] )` the decoder is (section 7.1.1).
#[derive(Clone, Copy, PartialEq, Debug)]
enum ExtensionPart {
    BeforeSemicolon,
    BeforeName,
    Name,
    AfterName,
    BeforeValue,
    Value,
    Quoted,
    QuotedPair,
    AfterValue,
}

/// One step of decoding.
pub(crate) enum Decoded<'b> {
    NeedInput,
    Content(&'b [u8]),
    End(Fields<'b>),
}

impl ChunkedDecoder {
    pub(crate) const NEW: Self = Self { state: State::Size { digits: 0, size: 0 }, content: 0, extensions: 0 };

    /// Decodes up to the next content or the end. Returns how much input was used. `strict`
    /// (requests) refuses white space between a chunk size and its line end.
    pub(crate) fn decode<'b>(
        &mut self,
        input: &'b [u8],
        limits: &Limits,
        strict: bool,
    ) -> Result<(usize, Decoded<'b>), Fault> {
        let mut at = 0;
        loop {
            if let State::Trailers { lines, fields } = &mut self.state {
                let (used, decoded) = trailers(lines, fields, &input[at..], limits, strict).map_err(|f| f.after(at))?;
                return Ok((at + used, decoded));
            }
            let Some(&byte) = input.get(at) else { return Ok((at, Decoded::NeedInput)) };
            if let State::Data { left } = &mut self.state {
                let n = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len() - at);
                *left -= n as u64;
                if *left == 0 {
                    self.state = State::DataReturn;
                }
                return Ok((at + n, Decoded::Content(&input[at..at + n])));
            }
            self.state = self.delimiter(byte, limits, strict).map_err(|kind| Fault::new(kind, at))?;
            at += 1;
        }
    }

    /// One byte that is not content.
    fn delimiter(&mut self, byte: u8, limits: &Limits, strict: bool) -> Result<State, ErrorKind> {
        match self.state {
            State::Size { digits, size } => match byte {
                b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' if digits < 16 => {
                    let size = size << 4 | u64::from(hex_value(byte));
                    Ok(State::Size { digits: digits + 1, size })
                }
                b'\r' if digits > 0 => Ok(State::SizeFeed { size }),
                b';' | b' ' | b'\t' if digits > 0 => {
                    self.extension(ExtensionPart::BeforeSemicolon, size, byte, limits, strict)
                }
                _ => Err(ErrorKind::BadChunkSize),
            },
            State::Extension { part, size } => self.extension(part, size, byte, limits, strict),
            State::SizeFeed { size } if byte == b'\n' => self.chunk_starts(size, limits),
            State::DataReturn if byte == b'\r' => Ok(State::DataFeed),
            State::DataFeed if byte == b'\n' => Ok(State::Size { digits: 0, size: 0 }),
            State::SizeFeed { .. } => Err(ErrorKind::BareCr),
            _ => Err(ErrorKind::BadChunkEnd),
        }
    }

    fn chunk_starts(&mut self, size: u64, limits: &Limits) -> Result<State, ErrorKind> {
        self.content = self.content.checked_add(size).ok_or(ErrorKind::ContentTooLarge)?;
        if self.content > limits.content {
            return Err(ErrorKind::ContentTooLarge);
        }
        Ok(match size {
            0 => State::Trailers { lines: Lines::NEW, fields: 0 },
            left => State::Data { left },
        })
    }

    fn extension(
        &mut self,
        part: ExtensionPart,
        size: u64,
        byte: u8,
        limits: &Limits,
        strict: bool,
    ) -> Result<State, ErrorKind> {
        use ExtensionPart as P;
        let bws = matches!(byte, b' ' | b'\t');
        let next = match (part, byte) {
            (P::BeforeSemicolon | P::AfterName | P::AfterValue | P::Name | P::Value, b';') => P::BeforeName,
            // Old servers pad the size with spaces; a request has no such excuse.
            (P::BeforeSemicolon, b'\r') if !strict => return Ok(State::SizeFeed { size }),
            (P::Name | P::Value | P::AfterValue, b'\r') => return Ok(State::SizeFeed { size }),
            (P::BeforeSemicolon | P::BeforeName | P::AfterName | P::BeforeValue | P::AfterValue, _) if bws => part,
            (P::BeforeName | P::Name, _) if is_token_byte(byte) => P::Name,
            (P::Name, _) if bws => P::AfterName,
            (P::Name | P::AfterName, b'=') => P::BeforeValue,
            (P::BeforeValue, b'"') => P::Quoted,
            (P::BeforeValue | P::Value, _) if is_token_byte(byte) => P::Value,
            (P::Value, _) if bws => P::AfterValue,
            (P::Quoted, b'"') => P::AfterValue,
            (P::Quoted, b'\\') => P::QuotedPair,
            (P::Quoted, _) if is_text(byte) => P::Quoted,
            (P::QuotedPair, _) if is_text(byte) => P::Quoted,
            _ => return Err(ErrorKind::BadChunkExtension),
        };
        self.extensions += 1;
        if self.extensions > limits.chunk_extensions {
            return Err(ErrorKind::ChunkExtensionsTooLarge);
        }
        Ok(State::Extension { part: next, size })
    }
}

/// The trailer section (section 7.1.2): used only when it is whole, so that it is one slice.
fn trailers<'b>(
    lines: &mut Lines,
    fields: &mut usize,
    input: &'b [u8],
    limits: &Limits,
    strict: bool,
) -> Result<(usize, Decoded<'b>), Fault> {
    let too_large = Fault::new(ErrorKind::TrailersTooLarge, limits.trailers);
    let bound = Bound { bytes: limits.trailers, fault: too_large };
    loop {
        let line = if strict { lines.next(input, true, bound)? } else { lines.next_unfolded(input, bound)? };
        let Some(line) = line else { return Ok((0, Decoded::NeedInput)) };
        if line.start == line.end {
            return Ok((line.next, Decoded::End(Fields::new(&input[..line.start], *fields))));
        }
        if line.next >= limits.trailers {
            return Err(too_large);
        }
        if matches!(line.text(input), [b' ' | b'\t', ..]) {
            return Err(Fault::new(ErrorKind::ObsFold, line.start));
        }
        if *fields == limits.fields {
            return Err(Fault::new(ErrorKind::TooManyFields, line.start));
        }
        *fields += 1;
        check_line(line.text(input)).map_err(|f| f.after(line.start))?;
    }
}

/// `qdtext` and what may follow a backslash (RFC 9110 section 5.6.4).
const fn is_text(byte: u8) -> bool {
    (byte >= 0x20 && byte != 0x7f) || byte == b'\t'
}

const fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

/// A chunk's size line, built without allocating.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SizeLine {
    text: [u8; 18],
    start: u8,
}

impl SizeLine {
    pub(crate) fn new(size: usize) -> Self {
        let mut text = [0; 18];
        text[16..].copy_from_slice(b"\r\n");
        let (mut start, mut left) = (16, size);
        loop {
            start -= 1;
            text[start] = b"0123456789abcdef"[left & 15];
            left >>= 4;
            if left == 0 {
                return Self { text, start: start as u8 };
            }
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.text[usize::from(self.start)..]
    }
}
