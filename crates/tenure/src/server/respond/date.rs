//! The `Date` field (RFC 9110 section 6.6.1), formatted once a second and thread.

use std::cell::Cell;
use std::io::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use httpdate::HttpDate;

/// An IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) type Date = [u8; 29];

thread_local! {
    static LAST: Cell<(u64, Date)> = const { Cell::new((0, *b"Thu, 01 Jan 1970 00:00:00 GMT")) };
}

/// Seconds since 1970. By the clock that the kernel sets at each of its ticks, which is cheaper to read.
#[cfg(target_os = "linux")]
fn second() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    u64::try_from(now.tv_sec).unwrap_or(0)
}

#[cfg(not(target_os = "linux"))]
fn second() -> u64 {
    std::time::SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// The time now.
pub(crate) fn date() -> Date {
    let second = second();
    let (last, mut date) = LAST.get();
    if last != second {
        // Cannot fail: every date that is shown has this length.
        let written = write!(&mut date[..], "{}", HttpDate::from(UNIX_EPOCH + Duration::from_secs(second)));
        debug_assert!(written.is_ok(), "a date of 29 bytes");
        LAST.set((second, date));
    }
    date
}
