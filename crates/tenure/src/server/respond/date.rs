//! The `Date` field (RFC 9110 section 6.6.1), formatted once a second and thread.

use std::cell::{Cell, RefCell};
use std::io::Write as _;
use std::ops::Range;
use std::time::{Duration, Instant, UNIX_EPOCH};

use httpdate::HttpDate;
use tenure_proto::FieldLine;

/// An IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) type Date = [u8; 29];

thread_local! {
    static LAST: Cell<(u64, Date)> = const { Cell::new((0, *b"Thu, 01 Jan 1970 00:00:00 GMT")) };
}

/// The whole line, and when it is shown.
struct Shown {
    times: Option<Range<Instant>>,
    line: FieldLine,
}

thread_local! {
    static SHOWN: RefCell<Shown> = const { RefCell::new(Shown { times: None, line: FieldLine::EMPTY }) };
}

/// By the clock that the kernel sets at each of its ticks, which is cheaper to read.
#[cfg(target_os = "linux")]
fn since_1970() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    Duration::try_from(now).unwrap_or_default()
}

#[cfg(not(target_os = "linux"))]
fn since_1970() -> Duration {
    std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The time now.
pub(crate) fn date() -> Date {
    let second = since_1970().as_secs();
    let (last, mut date) = LAST.get();
    if last != second {
        // Cannot fail: every date that is shown has this length.
        let written = write!(&mut date[..], "{}", HttpDate::from(UNIX_EPOCH + Duration::from_secs(second)));
        debug_assert!(written.is_ok(), "a date of 29 bytes");
        LAST.set((second, date));
    }
    date
}

/// The line of a `Date` field, for whoever knows what time it is by the runtime's clock: `now`. Where the system's
/// clock is set, the date follows within a second.
pub(crate) fn with_date_line<T>(now: Instant, work: impl FnOnce(&FieldLine) -> T) -> T {
    SHOWN.with_borrow_mut(|shown| {
        if !shown.times.as_ref().is_some_and(|times| times.contains(&now)) {
            shown.renew(now);
        }
        work(&shown.line)
    })
}

impl Shown {
    #[cold]
    fn renew(&mut self, now: Instant) {
        let rest = Duration::from_secs(1) - Duration::from_nanos(since_1970().subsec_nanos().into());
        let set = self.line.set(b"date", &date());
        debug_assert!(set.is_ok(), "a date is a field's value");
        self.times = Some(now..now + rest);
    }
}
