//! The `Date` field (RFC 9110 section 6.6.1), formatted once a second and thread.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderValue;

thread_local! {
    static LAST: RefCell<(u64, HeaderValue)> = const { RefCell::new((0, HeaderValue::from_static(""))) };
}

/// The time now, as an IMF-fixdate.
pub(crate) fn date() -> HeaderValue {
    with(HeaderValue::clone)
}

/// The same, borrowed.
pub(crate) fn with_date<T>(use_it: impl FnOnce(&[u8]) -> T) -> T {
    with(|value| use_it(value.as_bytes()))
}

fn with<T>(use_it: impl FnOnce(&HeaderValue) -> T) -> T {
    let now = SystemTime::now();
    let second = now.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    LAST.with_borrow_mut(|(last, value)| {
        if *last != second {
            *last = second;
            // An IMF-fixdate is visible ASCII; on a broken clock the last good one stands.
            if let Ok(formatted) = HeaderValue::from_str(&httpdate::fmt_http_date(now)) {
                *value = formatted;
            }
        }
        use_it(value)
    })
}
