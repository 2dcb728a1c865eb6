//! The limit: counts the ends of heads and answers fixed bytes. Its date is that of its start.

use std::rc::Rc;
use std::time::SystemTime;

use memchr::memmem;

use super::epoll::Answer;
use crate::heads::{CONTENT, CONTENT_TYPE};

/// Shared by all connections: what each request is answered with.
pub(super) struct Raw {
    answer: Rc<[u8]>,
}

impl Raw {
    /// Makes one state for each connection.
    pub(super) fn factory() -> impl Fn() -> Self {
        let date = httpdate::fmt_http_date(SystemTime::now());
        let length = CONTENT.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {CONTENT_TYPE}\r\ncontent-length: {length}\r\ndate: {date}\r\n\r\n"
        );
        let answer: Rc<[u8]> = [head.as_bytes(), CONTENT].concat().into();
        move || Self { answer: Rc::clone(&answer) }
    }
}

impl Answer for Raw {
    fn answer(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, bool) {
        let mut used = 0;
        for end in memmem::find_iter(input, b"\r\n\r\n") {
            used = end + 4;
            out.extend_from_slice(&self.answer);
        }
        (used, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_answer_for_each_whole_head_and_the_rest_is_kept() {
        let mut raw = Raw::factory()();
        let mut out = Vec::new();
        let input = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT";
        assert_eq!(raw.answer(input, &mut out), (54, true));
        assert_eq!(out.len(), 2 * raw.answer.len());
        assert_eq!(raw.answer(b"\r\n\r", &mut out).0, 0);
    }
}
