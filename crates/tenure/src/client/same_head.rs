//! Heads that come again. Whoever asks a server often gets heads that are equal to the last bit, `Date`
//! included, which changes once a second; to clone the fields made for the one before costs less than
//! making them anew.

use std::cell::RefCell;

use http::HeaderMap;
use tenure_proto::Fields;

use crate::io::{HeadCopy, fields};

/// Longer heads are not looked for.
const LONGEST: usize = 1024;

/// The last head of a thread.
#[derive(Default)]
struct Last {
    /// As it was received; empty if it was too long.
    received: Vec<u8>,
    /// Its fields, once it has come twice: most do not, and should not pay for those that do.
    fields: Option<HeaderMap>,
}

thread_local! {
    static LAST: RefCell<Last> = RefCell::default();
}

/// The fields of a head that was read from `received`.
pub(super) fn to_map(fields: Fields<'_>, received: &[u8]) -> HeaderMap {
    LAST.with_borrow_mut(|last| {
        let comes_again = last.received == received;
        match &last.fields {
            Some(same) if comes_again => return same.clone(),
            _ => {}
        }
        let mut map = HeaderMap::new();
        fields::to_map_shared(fields, &mut map, &HeadCopy::new(received));
        last.fields = comes_again.then(|| map.clone());
        if !comes_again {
            last.received.clear();
            last.received.extend_from_slice(if received.len() <= LONGEST { received } else { &[] });
        }
        map
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use http::HeaderValue;
    use tenure_proto::{Client, Config, Connection, Event, RequestLine, Version};

    use super::*;

    /// As a connection hands out the fields of a response.
    fn read(head: &str) -> HeaderMap {
        let mut connection = Connection::<Client>::new(Arc::new(Config::default()));
        let line = RequestLine { method: "GET", target: "/", version: Version::Http11 };
        connection.send_head(line, [], Some(0), &mut Vec::new()).unwrap();
        match connection.receive(head.as_bytes(), Instant::now()).unwrap() {
            (used, Event::Head(response)) => to_map(response.fields, &head.as_bytes()[..used]),
            (_, other) => panic!("{other:?}"),
        }
    }

    fn values(map: &HeaderMap) -> Vec<(&str, &str)> {
        map.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect()
    }

    #[test]
    fn a_head_says_what_it_says_however_often_it_comes() {
        let one = "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nX-Other: 1\r\nset-cookie: b\r\nContent-Length: 0\r\n\r\n";
        let other = one.replace("X-Other: 1", "X-Other: 2");
        let long = one.replace("X-Other: 1", &format!("X-Other: {}", "1".repeat(LONGEST)));
        let said =
            |number| vec![("set-cookie", "a"), ("set-cookie", "b"), ("x-other", number), ("content-length", "0")];
        for head in [one, one, one, &other, one, &other, &other, &other, &other, one] {
            let number = if head == one { "1" } else { "2" };
            assert_eq!(values(&read(head)), said(number));
        }
        for _ in 0..3 {
            assert_eq!(read(&long)["x-other"].len(), LONGEST);
        }
    }

    #[test]
    fn what_its_reader_changes_is_changed_for_that_reader_alone() {
        let head = "HTTP/1.1 200 OK\r\nX-Mine: no\r\nContent-Length: 0\r\n\r\n";
        for _ in 0..4 {
            let mut map = read(head);
            assert_eq!(map["x-mine"], "no");
            map.insert("x-mine", HeaderValue::from_static("yes"));
        }
    }

    #[test]
    fn what_has_come_twice_is_not_made_again() {
        let head = "HTTP/1.1 200 OK\r\nX-Place: here\r\nContent-Length: 0\r\n\r\n";
        let maps: [HeaderMap; 4] = std::array::from_fn(|_| read(head));
        let places = maps.each_ref().map(|map| map["x-place"].as_bytes().as_ptr());
        assert_ne!(places[0], places[1]);
        assert_eq!(places[1..], [places[1]; 3]);
    }
}
