//! Validators and preconditions, RFC 9110 sections 8.8 and 13, as far as `tower-http` does not do
//! them: it answers GET; a PUT or POST is judged here, with the same tags.

use std::fs::Metadata;
use std::time::{Duration, SystemTime};

use http::header::{HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, IF_UNMODIFIED_SINCE};
use httpdate::HttpDate;

/// The first second that HTTP's date format cannot write: the year 10000.
const END_OF_DATES: Duration = Duration::from_secs(253_402_300_800);

/// When a file was modified, if HTTP can write that date: 1970 to 9999. (`httpdate`, and so
/// `tower-http`, panics on any other.)
pub(super) fn modified(metadata: &Metadata) -> Option<SystemTime> {
    let modified = metadata.modified().ok()?;
    let since_epoch = modified.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    (since_epoch < END_OF_DATES).then_some(modified)
}

/// The strong entity tag of a file, from its size and its time of modification in nanoseconds: the
/// tag `tower-http` gives the same file. A test compares the two.
pub(super) fn entity_tag(metadata: &Metadata) -> Option<HeaderValue> {
    let since_epoch = modified(metadata)?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let tag = format!("\"{:x}.{:08x}-{:x}\"", since_epoch.as_secs(), since_epoch.subsec_nanos(), metadata.len());
    HeaderValue::try_from(tag).ok()
}

/// The preconditions of a request that changes something.
#[derive(Clone, Debug, Default)]
pub(super) struct Preconditions {
    if_match: Option<HeaderValue>,
    if_none_match: Option<HeaderValue>,
    if_unmodified_since: Option<HttpDate>,
}

impl Preconditions {
    pub(super) fn of(fields: &HeaderMap) -> Self {
        Self {
            if_match: combined(fields, &IF_MATCH),
            if_none_match: combined(fields, &IF_NONE_MATCH),
            if_unmodified_since: fields.get(IF_UNMODIFIED_SINCE).and_then(|date| date.to_str().ok()?.parse().ok()),
        }
    }

    /// Judges them against what is there now (`None`: nothing), in the order of section 13.2.2.
    /// The error says which one failed: the answer is 412.
    pub(super) fn check(&self, current: Option<&Metadata>) -> Result<(), &'static str> {
        let tag = current.and_then(entity_tag);
        if let Some(list) = &self.if_match {
            let met = match list.as_bytes() {
                b"*" => current.is_some(),
                list => tag.as_ref().is_some_and(|tag| lists(list, tag, Comparison::Strong)),
            };
            if !met {
                return Err("If-Match names another version than the one that is here");
            }
        } else if let Some(date) = self.if_unmodified_since
            && let Some(modified) = current.and_then(modified)
            && HttpDate::from(modified) > date
        {
            return Err("the file was modified after the date of If-Unmodified-Since");
        }
        if let Some(list) = &self.if_none_match {
            let met = match list.as_bytes() {
                b"*" => current.is_none(),
                list => !tag.is_some_and(|tag| lists(list, &tag, Comparison::Weak)),
            };
            if !met {
                return Err("If-None-Match excludes the version that is here");
            }
        }
        Ok(())
    }
}

/// A field with all its lines as one list, RFC 9110 section 5.3.
pub(super) fn combined(fields: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    let mut lines = fields.get_all(name).iter();
    let first = lines.next()?.clone();
    lines.try_fold(first, |all, line| HeaderValue::from_bytes(&[all.as_bytes(), b", ", line.as_bytes()].concat()).ok())
}

/// RFC 9110 section 8.8.3.2.
#[derive(Clone, Copy, PartialEq)]
enum Comparison {
    Strong,
    Weak,
}

/// Whether a list of entity tags holds `tag`, which is a strong one.
fn lists(list: &[u8], tag: &HeaderValue, comparison: Comparison) -> bool {
    let mut quoted = false;
    list.split(|&byte| {
        quoted ^= byte == b'"';
        byte == b',' && !quoted
    })
    .map(<[u8]>::trim_ascii)
    .map(|listed| match comparison {
        Comparison::Weak => listed.strip_prefix(b"W/").unwrap_or(listed),
        Comparison::Strong => listed,
    })
    .any(|listed| listed == tag.as_bytes())
}

/// Whether the date of an `If-Range` is the strong validator `modified` (RFC 9110 sections 13.1.5
/// and 8.8.2.2): the very same second, and that second is over, so the file cannot change in it
/// once more unnoticed.
pub(super) fn date_is_strong(date: HttpDate, modified: HttpDate, now: SystemTime) -> bool {
    let modified_at = SystemTime::from(modified);
    date == modified && now.duration_since(modified_at).is_ok_and(|age| age > Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(HeaderName, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(name.clone(), HeaderValue::from_str(value).unwrap());
        }
        map
    }

    #[test]
    fn preconditions_of_a_change() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 5);
        file.as_file().set_modified(time).unwrap();
        let here = file.as_file().metadata().unwrap();
        let tag = entity_tag(&here).unwrap();
        let tag = tag.to_str().unwrap();
        assert_eq!(tag, "\"3b9aca00.00000005-0\"");
        let weak = format!("W/{tag}");
        let list = format!("\"x,y\" ,{tag}");
        // Name, value, holds when the file is there, holds when nothing is.
        let rows = [
            (IF_MATCH, "*", true, false),
            (IF_MATCH, tag, true, false),
            (IF_MATCH, &list, true, false),
            (IF_MATCH, &weak, false, false),
            (IF_MATCH, "\"other\"", false, false),
            (IF_NONE_MATCH, "*", false, true),
            (IF_NONE_MATCH, tag, false, true),
            (IF_NONE_MATCH, &weak, false, true),
            (IF_NONE_MATCH, &list, false, true),
            (IF_NONE_MATCH, "\"other\"", true, true),
            (IF_UNMODIFIED_SINCE, "Sun, 09 Sep 2001 01:46:40 GMT", true, true),
            (IF_UNMODIFIED_SINCE, "Sun, 09 Sep 2001 01:46:39 GMT", false, true),
            (IF_UNMODIFIED_SINCE, "not a date", true, true),
        ];
        for (name, value, with, without) in rows {
            let conditions = Preconditions::of(&fields(&[(name.clone(), value)]));
            assert_eq!(conditions.check(Some(&here)).is_ok(), with, "{name}: {value}");
            assert_eq!(conditions.check(None).is_ok(), without, "{name}: {value}, nothing there");
        }
    }

    #[test]
    fn lists_may_take_several_lines_and_if_match_outranks_the_date() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let here = file.as_file().metadata().unwrap();
        let tag = entity_tag(&here).unwrap();
        let conditions = Preconditions::of(&fields(&[
            (IF_MATCH, "\"a\""),
            (IF_MATCH, tag.to_str().unwrap()),
            (IF_UNMODIFIED_SINCE, "Sun, 09 Sep 2001 01:46:39 GMT"),
        ]));
        assert_eq!(conditions.check(Some(&here)), Ok(()));
    }

    #[test]
    fn files_with_dates_http_cannot_write_have_no_validators() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (time, writable) in [
            (SystemTime::UNIX_EPOCH - Duration::from_secs(1), false),
            (SystemTime::UNIX_EPOCH, true),
            (SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000), true),
        ] {
            file.as_file().set_modified(time).unwrap();
            let metadata = file.as_file().metadata().unwrap();
            assert_eq!(modified(&metadata).is_some(), writable, "{time:?}");
            assert_eq!(entity_tag(&metadata).is_some(), writable, "{time:?}");
        }
    }

    #[test]
    fn a_date_is_strong_only_after_its_second() {
        let second = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let date = HttpDate::from(second);
        let at = |millis| second + Duration::from_millis(millis);
        assert!(date_is_strong(date, date, at(1001)));
        assert!(!date_is_strong(date, date, at(1000)));
        assert!(!date_is_strong(date, date, at(0)));
        assert!(!date_is_strong(HttpDate::from(at(1000)), date, at(9000)));
    }
}
