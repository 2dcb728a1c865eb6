//! Fields that come again. The requests of a connection mostly carry the same fields, to the last byte, and so do the
//! responses of a server within one second: they are compared instead of read, and their map is cloned instead of made.

use std::cell::RefCell;

use http::HeaderMap;
use tenure_proto::{Fields, KnownFields};

use super::{HeadCopy, fields};

/// Of how many connections a thread knows the last fields: up to 6 KiB each.
const PLACES: usize = 64;
/// Fewer lines are as soon put into a map as one is cloned; a map of more is not kept.
const LINES: std::ops::RangeInclusive<usize> = 3..=24;

/// The last fields of a connection. Nobody else's are compared with them: what one client sends, another must not be able
/// to find out by sending it, too, and taking the time.
#[derive(Default)]
pub(crate) struct Known {
    connection: u64,
    pub(crate) fields: KnownFields,
    /// Made when they come for the second time: most that come once do not.
    map: Option<HeaderMap>,
}

thread_local! {
    static KNOWN: RefCell<Vec<Option<Box<Known>>>> = const { RefCell::new(Vec::new()) };
}

/// Works with what this thread knows of the connection, and keeps it for the connection's next message.
pub(crate) fn with<T>(connection: u64, work: impl FnOnce(&mut Known) -> T) -> T {
    // Taken out, and not only borrowed: there is work that calls a handler.
    let mut known = KNOWN.with_borrow_mut(|all| all.get_mut(place(connection))?.take()).unwrap_or_default();
    if known.connection != connection {
        known.connection = connection;
        known.fields.forget();
    }
    let done = work(&mut known);
    KNOWN.with_borrow_mut(|all| {
        if all.is_empty() {
            all.resize_with(PLACES, || None);
        }
        if let Some(place) = all.get_mut(place(connection)) {
            *place = Some(known);
        }
    });
    done
}

const fn place(connection: u64) -> usize {
    (connection % PLACES as u64) as usize
}

impl Known {
    /// The fields of the head that was just received, if they are those of the one before.
    pub(crate) fn map(&mut self, fields: Fields<'_>) -> Option<HeaderMap> {
        if !self.fields.came_again() {
            self.map = None;
            return None;
        }
        LINES.contains(&fields.len()).then(|| self.map.get_or_insert_with(|| read(fields)).clone())
    }
}

/// What is kept must not keep more than itself from being freed.
#[cold]
fn read(fields: Fields<'_>) -> HeaderMap {
    let mut map = HeaderMap::new();
    fields::to_map_shared(fields, &mut map, &HeadCopy::apart(fields.as_bytes()));
    map
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use http::HeaderValue;
    use tenure_proto::{Config, Connection, Event, Server};

    use super::*;

    /// What a connection reads of a head with these fields, and whether their map is one that was known.
    fn read(connection: u64, fields: &str) -> Option<HeaderMap> {
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let mut core = Connection::<Server>::new(Arc::new(Config::default()));
        with(connection, |known| {
            match core.receive_knowing(head.as_bytes(), Instant::now(), &mut known.fields).unwrap() {
                (_, Event::Head(head)) => known.map(head.fields),
                (_, other) => panic!("{other:?}"),
            }
        })
    }

    const FIELDS: &str = "Accept: a\r\nX-Twice: 1\r\nx-twice: 2\r\n";

    #[test]
    fn a_map_is_made_once_and_says_what_the_head_says() {
        assert!(read(1, FIELDS).is_none());
        let [one, again] = [(); 2].map(|()| read(1, FIELDS).unwrap());
        let said: Vec<_> = one.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        assert_eq!(said, [("host", &b"a"[..]), ("accept", b"a"), ("x-twice", b"1"), ("x-twice", b"2")]);
        assert_eq!(one, again);
        assert_eq!(one["accept"].as_bytes().as_ptr(), again["accept"].as_bytes().as_ptr());
    }

    #[test]
    fn whoever_got_a_map_may_change_it() {
        for n in 0..5 {
            if let Some(mut map) = read(2, FIELDS) {
                assert_eq!(map.insert("accept", HeaderValue::from(n)), Some(HeaderValue::from_static("a")));
            }
        }
        assert!(read(2, FIELDS).is_some());
    }

    #[test]
    fn other_fields_and_other_connections_begin_anew() {
        let other = FIELDS.replace("Accept: a", "Accept: b");
        for (connection, fields, accept) in [
            (3, FIELDS, None),
            (3, FIELDS, Some("a")),
            (3, &other, None),
            (3, &other, Some("b")),
            (3, FIELDS, None),
            (3 + PLACES as u64, FIELDS, None),
            (3 + PLACES as u64, FIELDS, Some("a")),
            (3, FIELDS, None),
        ] {
            let map = read(connection, fields);
            assert_eq!(map.as_ref().map(|map| &map["accept"]), accept.map(HeaderValue::from_static).as_ref());
        }
    }

    #[test]
    fn few_lines_and_many_are_made_anew() {
        let lines = |count: usize| "A: b\r\n".repeat(count - 1);
        for count in [1, LINES.start() - 1, LINES.end() + 1] {
            assert_eq!([(); 3].map(|()| read(4, &lines(count)).is_some()), [false; 3], "{count}");
        }
        for count in [*LINES.start(), *LINES.end()] {
            assert_eq!([(); 3].map(|()| read(4, &lines(count)).is_some()), [false, true, true], "{count}");
        }
    }
}
