//! `Range` and `If-Range`, RFC 9110 sections 14.2 and 13.1.5.

use std::time::SystemTime;

use http::header::{HeaderMap, HeaderValue, RANGE};
use httpdate::HttpDate;

use super::validators::{combined, date_is_strong};

/// One range of bytes, section 14.1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteRange {
    /// From `first` to `last`, both included, or to the end.
    From { first: u64, last: Option<u64> },
    /// The last bytes.
    Suffix(u64),
}

impl ByteRange {
    /// The range a request asks for, if it is one this server gives: of bytes, well-formed, and
    /// only one. Section 14.2 has every other ignored or lets it be.
    pub(super) fn of(fields: &HeaderMap) -> Option<Self> {
        let value = combined(fields, &RANGE)?;
        let (unit, set) = value.to_str().ok()?.split_once('=')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        // Section 5.6.1.2: empty elements of a list are nothing.
        let mut specs = set.split(',').map(str::trim).filter(|spec| !spec.is_empty());
        let (first, last) = specs.next()?.split_once('-')?;
        if specs.next().is_some() {
            return None;
        }
        match (first, last) {
            ("", last) => Some(Self::Suffix(position(last)?)),
            (first, "") => Some(Self::From { first: position(first)?, last: None }),
            (first, last) => {
                let (first, last) = (position(first)?, position(last)?);
                (first <= last).then_some(Self::From { first, last: Some(last) })
            }
        }
    }
}

impl From<ByteRange> for HeaderValue {
    fn from(range: ByteRange) -> Self {
        let text = match range {
            ByteRange::From { first, last: None } => format!("bytes={first}-"),
            ByteRange::From { first, last: Some(last) } => format!("bytes={first}-{last}"),
            ByteRange::Suffix(len) => format!("bytes=-{len}"),
        };
        Self::try_from(text).expect("digits and a dash are a field value")
    }
}

/// Digits; a position beyond 64 bits is beyond every file.
fn position(digits: &str) -> Option<u64> {
    let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    valid.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// The condition under which a range is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct IfRange<'a>(&'a HeaderValue);

impl<'a> IfRange<'a> {
    pub(super) fn new(value: &'a HeaderValue) -> Self {
        Self(value)
    }

    /// Whether the condition holds for a representation with these validators.
    pub(super) fn holds(self, tag: Option<&HeaderValue>, modified: Option<&HeaderValue>) -> bool {
        // A weak tag never equals a strong one, and ours are strong.
        if self.0.as_bytes().contains(&b'"') {
            return tag == Some(self.0);
        }
        let date = |value: &HeaderValue| value.to_str().ok()?.parse::<HttpDate>().ok();
        match (date(self.0), modified.and_then(date)) {
            (Some(wanted), Some(modified)) => date_is_strong(wanted, modified, SystemTime::now()),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> Option<ByteRange> {
        let mut fields = HeaderMap::new();
        fields.insert(RANGE, HeaderValue::from_str(text).unwrap());
        ByteRange::of(&fields)
    }

    #[test]
    fn one_well_formed_range_of_bytes_and_nothing_else() {
        let from = |first, last| Some(ByteRange::From { first, last });
        let rows = [
            ("bytes=0-0", from(0, Some(0))),
            ("bytes=5-", from(5, None)),
            ("bytes=-5", Some(ByteRange::Suffix(5))),
            ("Bytes=007-08", from(7, Some(8))),
            ("bytes= 0-4 ", from(0, Some(4))),
            ("bytes=,0-4,", from(0, Some(4))),
            ("bytes=0-99999999999999999999", from(0, Some(u64::MAX))),
            ("bytes=99999999999999999999-", from(u64::MAX, None)),
            ("bytes=0-0,2-3", None),
            ("bytes=4-3", None),
            ("bytes=-", None),
            ("bytes=", None),
            ("bytes", None),
            ("bytes=a-b", None),
            ("bytes=+1-2", None),
            ("bytes=1--2", None),
            ("lines=1-2", None),
        ];
        for (text, expected) in rows {
            assert_eq!(range(text), expected, "{text}");
            if let Some(parsed) = expected {
                let written = HeaderValue::from(parsed);
                assert_eq!(range(written.to_str().unwrap()), expected, "{text} written");
            }
        }
    }

    #[test]
    fn the_condition_compares_exactly() {
        let tag = HeaderValue::from_static("\"a\"");
        let modified = HeaderValue::from_static("Sun, 09 Sep 2001 01:46:40 GMT");
        for (condition, holds) in [
            ("\"a\"", true),
            ("W/\"a\"", false),
            ("\"b\"", false),
            ("Sun, 09 Sep 2001 01:46:40 GMT", true),
            ("Sunday, 09-Sep-01 01:46:40 GMT", true),
            ("Sun, 09 Sep 2001 01:46:41 GMT", false),
            ("nonsense", false),
        ] {
            let condition = HeaderValue::from_str(condition).unwrap();
            let condition = IfRange::new(&condition);
            assert_eq!(condition.holds(Some(&tag), Some(&modified)), holds, "{condition:?}");
            assert!(!condition.holds(None, None));
        }
    }
}
