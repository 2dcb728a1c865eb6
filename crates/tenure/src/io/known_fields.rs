//! Fields that come again. The requests of a connection often carry the same fields, to the last byte, and so do the
//! responses of a server within one second: they are compared instead of read, and their map is cloned instead of made.

use std::cell::RefCell;

use http::HeaderMap;
use tenure_proto::{Fields, KnownFields};

use super::{HeadCopy, fields};

/// Of how many connections to clients a thread knows the last fields, and of how many to servers: up to 6 KiB each.
const PLACES: u64 = 64;
/// Fewer lines are as soon put into a map as one is cloned; a map of more is not kept.
const LINES: std::ops::RangeInclusive<usize> = 3..=24;

/// A connection to a client, or to a server, by its number: each server and each client of the program counts its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Peer {
    Client(u64),
    Server(u64),
}

impl Peer {
    const fn place(self) -> usize {
        let place = match self {
            Self::Client(id) => id % PLACES,
            Self::Server(id) => PLACES + id % PLACES,
        };
        place as usize
    }
}

/// The last fields of a connection. No other connection's of the same server are compared with them: what one client
/// sends, another must not be able to find out by sending it, too, and taking the time.
#[derive(Default)]
pub(crate) struct Known {
    peer: Option<Peer>,
    pub(crate) fields: KnownFields,
    /// Made when they come for the second time: most that come once do not. Of this edition.
    map: Option<(u64, HeaderMap)>,
}

thread_local! {
    static KNOWN: RefCell<Vec<Option<Box<Known>>>> = const { RefCell::new(Vec::new()) };
}

/// Works with what this thread knows of the connection, and keeps it for the connection's next message.
pub(crate) fn with<T>(peer: Peer, work: impl FnOnce(&mut Known) -> T) -> T {
    // Taken out, and not only borrowed: there is work that calls a handler.
    let mut known = KNOWN.with_borrow_mut(|all| all.get_mut(peer.place())?.take()).unwrap_or_default();
    if known.peer != Some(peer) {
        known.peer = Some(peer);
        known.fields.forget();
    }
    let done = work(&mut known);
    KNOWN.with_borrow_mut(|all| {
        if all.is_empty() {
            all.resize_with(2 * PLACES as usize, || None);
        }
        if let Some(place) = all.get_mut(peer.place()) {
            *place = Some(known);
        }
    });
    done
}

impl Known {
    /// The fields of the head that was just received, if they are those of the one before.
    pub(crate) fn map(&mut self, fields: Fields<'_>) -> Option<HeaderMap> {
        let edition = self.fields.edition();
        self.map.take_if(|(of, _)| *of != edition);
        if !self.fields.came_again() || !LINES.contains(&fields.len()) {
            return None;
        }
        let (_, map) = self.map.get_or_insert_with(|| (edition, read(fields)));
        Some(map.clone())
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

    fn receive<T>(known: &mut Known, fields: &str, read: impl FnOnce(&mut Known, Fields<'_>) -> T) -> T {
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let mut core = Connection::<Server>::new(Arc::new(Config::default()));
        match core.receive_knowing(head.as_bytes(), Instant::now(), &mut known.fields).unwrap() {
            (_, Event::Head(head)) => read(known, head.fields),
            (_, other) => panic!("{other:?}"),
        }
    }

    /// The map that a connection has of a head with these fields, if they came before.
    fn read(connection: u64, fields: &str) -> Option<HeaderMap> {
        with(Peer::Client(connection), |known| receive(known, fields, Known::map))
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
    fn fields_that_nobody_asked_for_are_not_taken_for_those_before() {
        let other = FIELDS.replace("Accept: a", "Accept: b");
        let accept = |fields: &str| read(5, fields).map(|map| map["accept"].clone());
        assert_eq!([(); 3].map(|()| accept(FIELDS).is_some()), [false, true, true]);
        // As those of an interim response.
        with(Peer::Client(5), |known| receive(known, &other, |_, _| ()));
        assert_eq!(accept(&other), Some(HeaderValue::from_static("b")));
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
            (3 + PLACES, FIELDS, None),
            (3 + PLACES, FIELDS, Some("a")),
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
