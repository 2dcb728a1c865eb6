//! The names of fields that came lately: clients send the same ones with each request, and to look
//! one up costs a third of reading it again.

use std::cell::RefCell;

use http::HeaderName;

/// Longer names are not kept.
const LONGEST: usize = 31;
/// How many a thread keeps.
const PLACES: usize = 1 << BITS;
const BITS: u32 = 8;
/// A name lies in its own place or, if others were there first, in one of those behind it: this many in all. If none is
/// free it takes its own.
const TRIES: usize = 4;
/// Found by trial: what browsers send falls into places of its own.
const FACTOR: u32 = 0xfe26_e61f;

/// A name, and how it was spelled.
struct Known {
    spelling: [u8; LONGEST],
    len: u8,
    name: HeaderName,
}

impl Known {
    fn is(&self, spelling: &[u8]) -> bool {
        self.spelling.get(..usize::from(self.len)) == Some(spelling)
    }
}

/// The names of one thread; without room before the first one comes.
pub(super) struct Names(Vec<Option<Known>>);

thread_local! {
    static NAMES: RefCell<Names> = const { RefCell::new(Names(Vec::new())) };
}

/// Works with this thread's names.
pub(super) fn with<T>(work: impl FnOnce(&mut Names) -> T) -> T {
    NAMES.with_borrow_mut(|names| {
        if names.0.is_empty() {
            names.0.resize_with(PLACES, || None);
        }
        work(names)
    })
}

impl Names {
    /// What the name says, spelled as it was received; `None` if it is too long for `http`.
    pub(super) fn read(&mut self, spelling: &[u8]) -> Option<HeaderName> {
        let Some(own) = place(spelling) else { return HeaderName::from_bytes(spelling).ok() };
        let mut free = own;
        for place in (own..own + TRIES).map(|place| place % PLACES) {
            match self.0.get(place)? {
                Some(known) if known.is(spelling) => return Some(known.name.clone()),
                Some(_) => {}
                None => {
                    free = place;
                    break;
                }
            }
        }
        self.learn(free, spelling)
    }

    #[cold]
    fn learn(&mut self, place: usize, spelling: &[u8]) -> Option<HeaderName> {
        let name = HeaderName::from_bytes(spelling).ok()?;
        let mut kept = [0; LONGEST];
        kept[..spelling.len()].copy_from_slice(spelling);
        *self.0.get_mut(place)? = Some(Known { spelling: kept, len: spelling.len() as u8, name: name.clone() });
        Some(name)
    }
}

/// Where it would be, if it is kept.
fn place(spelling: &[u8]) -> Option<usize> {
    if spelling.len() > LONGEST {
        return None;
    }
    // Many names begin alike, few end alike.
    let end = u32::from_le_bytes(*spelling.last_chunk()?) ^ spelling.len() as u32;
    Some((end.wrapping_mul(FACTOR) >> (u32::BITS - BITS)) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_http_reads_whichever_came_before() {
        let spellings = ["Host", "host", "HOST", "Sec-Fetch-Mode", "sec-fetch-mode", "te", "DNT", "X", "a b", ""];
        let made: Vec<String> = (0..500).map(|i| format!("X-{i}-{}", "long".repeat(i % 20))).collect();
        let all = spellings.into_iter().chain(made.iter().map(String::as_str));
        with(|names| {
            for spelling in all.clone().chain(all) {
                assert_eq!(
                    names.read(spelling.as_bytes()),
                    HeaderName::from_bytes(spelling.as_bytes()).ok(),
                    "{spelling}"
                );
            }
        });
    }

    #[test]
    fn a_name_that_came_lately_is_not_made_again() {
        with(|names| {
            let spelling = b"X-Made-By-Its-Sender";
            let text = |name: &Option<HeaderName>| name.as_ref().map(|name| name.as_str().as_ptr().addr());
            let (first, again) = (names.read(spelling), names.read(spelling));
            assert!(first.is_some() && text(&first) == text(&again));
        });
    }

    #[test]
    fn a_hundred_names_in_turn_do_not_push_each_other_out() {
        with(|names| {
            let mut text =
                |n| names.read(format!("X-Field-{n:03}").as_bytes()).map(|name| name.as_str().as_ptr().addr());
            let first: Vec<_> = (0..100).map(&mut text).collect();
            let kept = (0..100).zip(first).filter(|&(n, first)| text(n) == first).count();
            assert!(kept > 90, "{kept}");
        });
    }

    #[test]
    fn what_browsers_send_all_has_a_place_of_its_own() {
        let names = [
            "Host",
            "Connection",
            "Cache-Control",
            "sec-ch-ua",
            "sec-ch-ua-mobile",
            "sec-ch-ua-platform",
            "Upgrade-Insecure-Requests",
            "User-Agent",
            "Accept",
            "Sec-Fetch-Site",
            "Sec-Fetch-Mode",
            "Sec-Fetch-User",
            "Sec-Fetch-Dest",
            "Accept-Encoding",
            "Accept-Language",
            "Cookie",
            "Referer",
            "Origin",
            "Content-Type",
            "Content-Length",
            "If-None-Match",
            "If-Modified-Since",
            "Authorization",
            "Range",
            "Pragma",
            "Priority",
        ];
        let mut places: Vec<_> = names.iter().map(|name| place(name.as_bytes())).collect();
        places.sort_unstable();
        places.dedup();
        assert!(!places.contains(&None) && places.len() == names.len(), "{} of {}", places.len(), names.len());
    }
}
