//! The core between read and write, without a runtime. What a server needs beside that (deadlines,
//! a staged close) belongs to a driver and is not here.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::StatusCode;
use tenure_proto::{Config, Connection, Directive, Event, FieldLine, MisuseError, Server};

use super::epoll::Answer;
use crate::heads::{CONTENT, CONTENT_TYPE};

/// One connection.
pub(crate) struct Proto {
    connection: Connection<Server>,
    date: FieldLine,
    /// Until when `date` is shown.
    date_until: Instant,
}

impl Proto {
    /// Makes one state for each connection.
    pub(crate) fn factory() -> impl Fn() -> Self {
        let config = Arc::new(Config::default());
        move || Self {
            connection: Connection::new(Arc::clone(&config)),
            date: FieldLine::EMPTY,
            date_until: Instant::now(),
        }
    }

    /// Answers every whole request in `input`. Returns how many bytes were used and whether the
    /// connection goes on.
    pub(crate) fn answer_at(&mut self, now: Instant, input: &[u8], out: &mut Vec<u8>) -> (usize, bool) {
        if now >= self.date_until {
            let date = httpdate::fmt_http_date(SystemTime::now());
            self.date.set(b"date", date.as_bytes()).expect("a date is a field's value");
            self.date_until = now + Duration::from_secs(1);
        }
        let mut used = 0;
        while self.connection.directive() == Directive::Proceed {
            let answered = match self.connection.receive(&input[used..], now) {
                Ok((n, event)) => {
                    used += n;
                    match event {
                        Event::Head(_) if self.connection.receive_end() => self.send(StatusCode::OK, out),
                        Event::Head(_) | Event::Content(_) => Ok(()),
                        Event::End(_) => self.send(StatusCode::OK, out),
                        Event::NeedInput => return (used, true),
                        Event::Interim(never) => match never {},
                        Event::Paused | Event::HandOver | Event::Closed => return (used, false),
                    }
                }
                Err(error) => self.send(error.status(), out),
            };
            if answered.is_err() {
                return (used, false);
            }
        }
        (used, false)
    }

    #[inline]
    fn send(&mut self, status: StatusCode, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        let fields = [(&b"content-type"[..], CONTENT_TYPE.as_bytes())];
        self.connection.send_whole(status, fields, &self.date, CONTENT, out)?;
        Ok(())
    }
}

impl Answer for Proto {
    fn answer(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, bool) {
        self.answer_at(Instant::now(), input, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::Head;

    #[test]
    fn answers_every_whole_request_and_keeps_the_rest() {
        let mut proto = Proto::factory()();
        let mut out = Vec::new();
        let small = Head::Small.bytes();
        let input = [small, small, &small[..10]].concat();
        let now = Instant::now();
        assert_eq!(proto.answer_at(now, &input, &mut out), (2 * small.len(), true));
        assert_eq!(memchr::memmem::find_iter(&out, b"HTTP/1.1 200 OK\r\n").count(), 2);
        out.clear();
        assert_eq!(proto.answer_at(now, small, &mut out), (small.len(), true));
        assert!(out.ends_with(CONTENT));
    }

    #[test]
    fn a_refused_request_is_answered_and_ends_the_connection() {
        let mut proto = Proto::factory()();
        let mut out = Vec::new();
        let (_, open) = proto.answer_at(Instant::now(), b"GET / HTTP/1.1\r\n\r\n", &mut out);
        assert!(!open);
        assert!(out.starts_with(b"HTTP/1.1 400 "));
    }
}
