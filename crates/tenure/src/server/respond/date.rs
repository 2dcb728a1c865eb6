//! The `Date` field (RFC 9110 section 6.6.1), formatted once a second and thread.

use std::cell::Cell;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

/// An IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) type Date = [u8; 29];

thread_local! {
    static LAST: Cell<(u64, Date)> = const { Cell::new((0, *b"Thu, 01 Jan 1970 00:00:00 GMT")) };
}

/// The time now.
pub(crate) fn date() -> Date {
    let now = SystemTime::now();
    let second = now.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let (last, mut date) = LAST.get();
    if last != second {
        // Cannot fail: every date that is shown has this length.
        let written = write!(&mut date[..], "{}", HttpDate::from(now));
        debug_assert!(written.is_ok(), "a date of 29 bytes");
        LAST.set((second, date));
    }
    date
}
