//! A tour through the scenarios: which requests a driver makes one after the other, so that different
//! clients are tried in the same way.

use std::fmt::Write;

/// A stop: one scenario with parameters, asked some times with each method, one request after the other.
#[derive(Debug)]
struct Stop {
    target: &'static str,
    /// What is asked for by each method.
    requests: u32,
    /// How long to wait after each answer, in milliseconds.
    pause: u32,
    /// Bytes of content of PUT and POST.
    content: u32,
    methods: &'static [&'static str],
    secure: bool,
}

const ALL: &[&str] = &["GET", "PUT", "POST"];

const fn stop(target: &'static str) -> Stop {
    Stop { target, requests: 3, pause: 0, content: 20, methods: ALL, secure: false }
}

const fn after(pause: u32, target: &'static str) -> Stop {
    Stop { pause, ..stop(target) }
}

const fn secure(target: &'static str) -> Stop {
    Stop { secure: true, ..stop(target) }
}

static STOPS: &[Stop] = &[
    stop("ok"),
    after(120, "idle-close?after=40ms"),
    after(120, "idle-close?after=40ms&by=reset"),
    stop("close-after?at=2"),
    stop("unread"),
    stop("drop?at=2"),
    stop("drop?at=2&by=reset"),
    stop("half-close-process"),
    after(120, "idle-408?after=40ms"),
    stop("early-408"),
    Stop { methods: &["PUT", "POST"], content: 256 * 1024, ..stop("early-413") },
    Stop { methods: &["PUT", "POST"], content: 256 * 1024, ..stop("early-413?linger=no") },
    Stop { requests: 2, methods: &["GET", "POST"], ..after(1500, "hint-timeout?timeout=1&after=5s") },
    after(120, "hint-timeout?timeout=60&after=40ms"),
    stop("hint-max?max=2&late=3"),
    stop("truncate?where=status-line"),
    stop("truncate?where=field-line"),
    stop("truncate?where=head"),
    stop("truncate?where=content"),
    stop("truncate?where=content&by=reset"),
    stop("truncate?where=chunk"),
    stop("truncate?where=last-chunk"),
    stop("truncate?where=trailers"),
    stop("stray?place=with&what=response"),
    stop("stray?place=with&what=garbage"),
    after(60, "stray?place=after&what=response&after=20ms"),
    after(60, "stray?place=after&what=garbage&after=20ms"),
    stop("http10?linger=200ms"),
    stop("http10?length=no"),
    stop("http10?keep-alive=yes"),
    stop("connection?value=odd-case"),
    stop("connection?value=list"),
    stop("connection?value=empty-elements"),
    stop("connection?value=tabs"),
    stop("connection?value=two-lines"),
    stop("connection?value=close-then-keep-alive"),
    stop("connection?value=keep-alive-then-close"),
    stop("connection?value=both-in-a-list"),
    stop("connection?value=lookalike"),
    stop("connection?version=1.0&value=keep-alive-odd-case"),
    stop("connection?version=1.0&value=keep-alive-in-a-list"),
    stop("slow-head"),
    stop("slow-body?chunked=yes"),
    stop("pieces"),
    stop("interim?count=3"),
    stop("interim?count=3&status=100"),
    stop("interim?count=200"),
    stop("wrong-length?length=short"),
    stop("wrong-length?length=long&then=fin&at=2"),
    Stop { requests: 2, ..stop("dead?at=2&process=yes") },
    secure("ok"),
    secure("drop?at=2"),
    secure("truncate?where=content"),
    secure("tls-close?notify=no"),
    secure("tls-close?notify=no&framing=chunked"),
    secure("tls-close?notify=yes&framing=close"),
    secure("tls-close?notify=no&framing=close"),
];

/// The requests of the tour, as [`Server::tour`](crate::Server::tour) says. `http` and `https` are the server's
/// addresses.
pub(crate) fn tour(http: &str, https: Option<&str>) -> String {
    let mut text = String::new();
    let mut lane = 0;
    for stop in STOPS {
        let Some(base) = (if stop.secure { https } else { Some(http) }) else { continue };
        for method in stop.methods {
            lane += 1;
            for n in 1..=stop.requests {
                let content = if *method == "GET" { 0 } else { stop.content };
                let (target, pause) = (stop.target, if n < stop.requests { stop.pause } else { 0 });
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{lane}\t{lane}-{method}-{n}\t{method}\t{base}/{target}\t{content}\t{pause}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::parameter::Values;
    use crate::scenarios;

    #[test]
    fn every_stop_can_be_asked_for_and_every_scenario_is_on_the_way() {
        let mut unseen: HashSet<_> = scenarios::ALL.iter().map(|scenario| scenario.name).collect();
        for stop in STOPS {
            let (name, query) = stop.target.split_once('?').unwrap_or((stop.target, ""));
            let scenario = scenarios::find(name).unwrap();
            assert!(Values::parse(scenario.parameters, query).is_ok(), "{}", stop.target);
            unseen.remove(name);
        }
        // These try what a caller does with an answer, or how long an upload may take.
        assert_eq!(unseen, HashSet::from(["large", "stall"]));
    }

    #[test]
    fn ids_are_unique_and_what_needs_tls_is_left_out_without() {
        let (plain, both) = (tour("http://h:1", None), tour("http://h:1", Some("https://h:1")));
        let ids: HashSet<_> = both.lines().map(|line| line.split('\t').nth(1).unwrap()).collect();
        assert_eq!(ids.len(), both.lines().count());
        assert!(!plain.contains("https") && both.starts_with(&plain));
        assert!(plain.starts_with("1\t1-GET-1\tGET\thttp://h:1/ok\t0\t0\n"), "{plain}");
    }
}
