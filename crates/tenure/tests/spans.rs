//! Which events carry the span of their request, and that none is open between requests.
//!
//! A program of its own, with one test: `tracing` keeps for the whole process whether anybody listens
//! to an event, and tests beside this one would listen to nothing.

#[path = "common/mod.rs"]
mod common;

use std::collections::HashMap;
use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use tenure::client::Pipelining;
use tenure::server::Server;
use tenure::{Body, Client};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use common::*;

/// Keeps the spans that are open, and each event with the span it came in.
#[derive(Default)]
struct Seen {
    next: u64,
    open: HashMap<u64, (String, usize)>,
    entered: Vec<u64>,
    ended: Vec<String>,
    events: Vec<String>,
}

#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Seen>>);

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::INFO
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut seen = self.0.lock().unwrap();
        seen.next += 1;
        let mut text = span.metadata().name().to_owned();
        span.record(&mut Fields(&mut text));
        let id = seen.next;
        seen.open.insert(id, (text, 1));
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut seen = self.0.lock().unwrap();
        values.record(&mut Fields(&mut seen.open.get_mut(&span.into_u64()).unwrap().0));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut seen = self.0.lock().unwrap();
        let span = seen.entered.last().map_or(String::new(), |id| seen.open[id].0.clone());
        let mut text = String::new();
        event.record(&mut Fields(&mut text));
        seen.events.push(format!("{span}:{text}"));
    }

    fn enter(&self, span: &Id) {
        self.0.lock().unwrap().entered.push(span.into_u64());
    }

    fn exit(&self, _: &Id) {
        self.0.lock().unwrap().entered.pop();
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.0.lock().unwrap().open.get_mut(&id.into_u64()).unwrap().1 += 1;
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let mut seen = self.0.lock().unwrap();
        let id = id.into_u64();
        let (_, handles) = seen.open.get_mut(&id).unwrap();
        *handles -= 1;
        let closes = *handles == 0;
        if closes {
            let (text, _) = seen.open.remove(&id).unwrap();
            seen.ended.push(text);
        }
        closes
    }
}

async fn handle(_: Request<Body>) -> Result<Response<Body>, BoxError> {
    tracing::info!("handled");
    Ok(Response::new(Body::empty()))
}

#[test]
fn spans_tell_of_requests_and_none_is_open_between_them() {
    a_handlers_events_carry_the_request_and_a_waiting_connection_has_no_span();
    a_pipelined_request_tells_its_depth_and_its_wait();
}

fn a_handlers_events_carry_the_request_and_a_waiting_connection_has_no_span() {
    let collector = Collector::default();
    let _default = tracing::subscriber::set_default(collector.clone());
    run(async {
        let story = Story::new();
        let served = serve_with(Server::new().observer(story.clone()), handle).await;
        let mut peer = served.connect().await;
        for _ in 0..2 {
            peer.ask("GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n").await;
        }
        story.until("exchanged 1.2").await;
        let seen = collector.0.lock().unwrap();
        let head = "http.server.request connection=1 request=2 http.request.method=GET url.path=\"/a\" \
                    client.address=127.0.0.1 network.peer.address=127.0.0.1";
        assert_eq!(seen.events.last().unwrap(), &format!("{head}: message=handled"));
        assert_eq!(seen.ended.len(), 2);
        assert_eq!(seen.ended[1], format!("{head} http.response.status_code=200"));
        assert!(seen.open.is_empty() && seen.entered.is_empty(), "nothing is open while the connection waits");
    });
}

fn a_pipelined_request_tells_its_depth_and_its_wait() {
    let collector = Collector::default();
    let _default = tracing::subscriber::set_default(collector.clone());
    run(async {
        let script = Script::new().await;
        let client = Client::builder().pipelining(Pipelining::Safe { depth: 4 }).connections_per_origin(1).build();
        let get = async |path: &str| client.get(script.url(path)).await.unwrap();
        let server = async {
            let mut peer = script.accept().await;
            for together in [1, 2] {
                for _ in 0..together {
                    peer.request().await;
                }
                peer.send("HTTP/1.1 204 No Content\r\n\r\n".repeat(together)).await;
            }
        };
        let asked = async {
            get("/").await;
            tokio::join!(get("/a"), get("/b"));
        };
        tokio::join!(asked, server);
        let url = script.url("");
        let port = url.rsplit(':').next().unwrap();
        let head = format!(
            "http.client.request http.request.method=GET server.address=\"127.0.0.1\" server.port={port} \
             http.response.status_code=204 connection=1"
        );
        let peer = "network.peer.address=127.0.0.1";
        let seen = collector.0.lock().unwrap();
        assert_eq!(seen.ended[..2], [format!("{head} request=1 {peer}"), format!("{head} request=2 {peer}")]);
        let waited = seen.ended[2].strip_prefix(&format!("{head} request=3 {peer} pipeline.depth=2 pipeline.waited="));
        let waited: f64 = waited.unwrap_or_else(|| panic!("{}", seen.ended[2])).parse().unwrap();
        assert!((0.0..20.0).contains(&waited), "{waited}");
        assert!(seen.ended.len() == 3 && seen.open.is_empty() && seen.entered.is_empty());
    });
}
