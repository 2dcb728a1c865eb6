//! Field lines (RFC 9112 section 5), validated once, then walked without copying.

use std::borrow::Cow;
use std::fmt;

use super::{Fault, bytes};
use crate::error::ErrorKind;

/// One field line of a received message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field<'b> {
    /// The name as it was sent: a token, compared without case.
    pub name: &'b [u8],
    /// The value without white space around it. Owned only if it was folded (RFC 9112 section 5.2).
    pub value: Cow<'b, [u8]>,
}

/// The field section of a received message: its lines in the order they were sent.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Fields<'b> {
    /// Field lines with their ends, without the final empty line; each passed [`check_line`].
    section: &'b [u8],
    lines: usize,
}

impl<'b> Fields<'b> {
    pub(crate) const fn new(section: &'b [u8], lines: usize) -> Self {
        Self { section, lines }
    }

    /// How many lines there are.
    pub const fn len(&self) -> usize {
        self.lines
    }

    /// The lines as they were received, each with its end. Equal bytes are equal fields.
    pub const fn as_bytes(&self) -> &'b [u8] {
        self.section
    }

    /// The lines in order.
    pub const fn iter(&self) -> FieldIter<'b> {
        FieldIter { rest: self.section }
    }

    /// The value of the first line named `name`, in any case.
    pub fn get(&self, name: &str) -> Option<Cow<'b, [u8]>> {
        self.get_all(name).next()
    }

    /// The values of all lines named `name`, in any case, in order.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = Cow<'b, [u8]>> {
        self.iter().filter(move |f| f.name.eq_ignore_ascii_case(name.as_bytes())).map(|f| f.value)
    }

    /// True if there is no field line.
    pub const fn is_empty(&self) -> bool {
        self.section.is_empty()
    }
}

impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|x| (Text(x.name.to_vec()), Text(x.value.into_owned())))).finish()
    }
}

struct Text(Vec<u8>);

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl<'b> IntoIterator for Fields<'b> {
    type Item = Field<'b>;
    type IntoIter = FieldIter<'b>;
    fn into_iter(self) -> FieldIter<'b> {
        self.iter()
    }
}

/// Walks the lines of [`Fields`].
#[derive(Clone, Debug)]
pub struct FieldIter<'b> {
    rest: &'b [u8],
}

impl<'b> Iterator for FieldIter<'b> {
    type Item = Field<'b>;

    #[inline]
    fn next(&mut self) -> Option<Field<'b>> {
        if self.rest.is_empty() {
            return None;
        }
        // Every byte was checked: a name ends at the first colon, and a line at the next line feed.
        let colon = bytes::position(self.rest, 0, b':');
        let feed = bytes::position(self.rest, colon, b'\n');
        let (name, line) = self.rest.get(..feed)?.split_at_checked(colon)?;
        let rest = self.rest.get(feed + 1..)?;
        if let [b' ' | b'\t', ..] = rest {
            return self.folded(colon, feed + 1);
        }
        self.rest = rest;
        Some(Field { name, value: Cow::Borrowed(one_line(line.get(1..)?)) })
    }
}

impl<'b> FieldIter<'b> {
    /// The field whose value goes on behind `end`, its first line.
    #[cold]
    fn folded(&mut self, colon: usize, mut end: usize) -> Option<Field<'b>> {
        while let Some(b' ' | b'\t') = self.rest.get(end) {
            end = bytes::position(self.rest, end, b'\n') + 1;
        }
        let (lines, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        Some(Field { name: lines.get(..colon)?, value: Cow::Owned(unfold(lines.get(colon + 1..)?)) })
    }
}

/// A line's value, which ended with LF, without its CR and without white space around it.
#[inline]
fn one_line(line: &[u8]) -> &[u8] {
    bytes::trim(line.strip_suffix(b"\r").unwrap_or(line))
}

/// A folded value: each fold becomes one space.
fn unfold(lines: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(lines.len());
    for part in lines.split(|&b| b == b'\n').map(one_line).filter(|p| !p.is_empty()) {
        if !value.is_empty() {
            value.push(b' ');
        }
        value.extend_from_slice(part);
    }
    value
}

/// Checks one field line (folded only in responses) and returns its name's length.
#[inline]
pub(crate) fn check_line(line: &[u8]) -> Result<usize, Fault> {
    let at = bytes::token_len(line);
    let colon = match line.get(at) {
        Some(b':') if at > 0 => at,
        Some(_) => return Err(bad_name(line, at)),
        None => return Err(Fault::new(ErrorKind::BadFieldName, line.len())),
    };
    let value = &line[colon + 1..];
    if let Some(at) = bytes::bad_value_byte(value) {
        check_folds(value, at).map_err(|f| f.after(colon + 1))?;
    }
    Ok(colon)
}

/// Where name and value of the line end that starts at `start`, if the line is whole and a request may have it:
/// one look at each byte. What is not is for [`check_line`] to judge.
#[inline]
pub(crate) fn quick_line(input: &[u8], start: usize) -> Option<(usize, usize)> {
    let mut colon = bytes::name_end(input, start);
    if colon == start {
        return None;
    }
    if input.get(colon) != Some(&b':') {
        colon = rest_of_name(input, colon)?;
    }
    let mut end = bytes::control_at(input, colon + 1);
    if !ends_line(input, end) {
        end = rest_of_value(input, end)?;
    }
    Some((colon, end))
}

#[inline]
fn ends_line(input: &[u8], at: usize) -> bool {
    input.get(at..).is_some_and(|rest| rest.starts_with(b"\r\n"))
}

/// The colon behind a name that holds more than letters and hyphens.
#[cold]
fn rest_of_name(input: &[u8], at: usize) -> Option<usize> {
    let colon = at + input.get(at..)?.iter().position(|&b| !bytes::is_token_byte(b))?;
    (input[colon] == b':').then_some(colon)
}

/// The end of a line that holds tabs.
#[cold]
fn rest_of_value(input: &[u8], at: usize) -> Option<usize> {
    let end = bytes::value_end(input, at);
    ends_line(input, end).then_some(end)
}

/// Whether the line before `next` goes no further than that. `false` also if that cannot be known yet.
#[inline]
pub(crate) fn is_unfolded(input: &[u8], next: usize) -> bool {
    input.get(next).is_some_and(|b| !matches!(b, b' ' | b'\t'))
}

/// The value of a line that [`check_line`] accepted. Only a response's can be folded.
#[inline]
pub(crate) fn value_of(line: &[u8], name_len: usize, server: bool) -> Cow<'_, [u8]> {
    let value = &line[name_len + 1..];
    if server || memchr::memchr(b'\n', value).is_none() {
        Cow::Borrowed(bytes::trim(value))
    } else {
        Cow::Owned(unfold(value))
    }
}

fn bad_name(line: &[u8], at: usize) -> Fault {
    let kind = match line[at] {
        b' ' | b'\t' if at > 0 && bytes::trim(&line[at..]).starts_with(b":") => ErrorKind::SpaceBeforeColon,
        b'\r' => ErrorKind::BareCr,
        0..=8 | 11..=31 | 127 => ErrorKind::ControlByte,
        _ => ErrorKind::BadFieldName,
    };
    Fault::new(kind, at)
}

/// Line ends inside a value are folds: the cutter of lines put them there. Nothing else is allowed.
fn check_folds(value: &[u8], first: usize) -> Result<(), Fault> {
    let mut at = first;
    while let Some(&byte) = value.get(at) {
        let fold = match byte {
            b'\n' => true,
            b'\r' => value.get(at + 1) == Some(&b'\n'),
            _ => false,
        };
        if !fold {
            return Err(Fault::new(bytes::control_kind(byte), at));
        }
        at += 1;
        at += bytes::bad_value_byte(&value[at..]).unwrap_or(value.len() - at);
    }
    Ok(())
}
