//! One connection: read a request, take the steps of its plan, read the next.

use std::sync::Arc;
use std::time::Duration;

use tenure_proto::Persistence;
use tokio::net::TcpStream;

use crate::page;
use crate::parameter::Values;
use crate::plan::{Step, staged_close};
use crate::random::Random;
use crate::scenario::{Exchange, Request, Scenario};
use crate::scenarios;
use crate::server::Shared;
use crate::wire::{Broken, Waited, Wire};

struct Session {
    shared: Arc<Shared>,
    /// Its number among all of this server, counted from 1.
    connection: u64,
}

/// Serves connection number `connection` until it ends.
pub(crate) async fn serve(stream: TcpStream, shared: Arc<Shared>, connection: u64) {
    let mut wire = Wire::new(stream, Arc::clone(&shared.config));
    let session = Session { shared, connection };
    for number in 1.. {
        let request = match wire.request(session.id(number)).await {
            Ok(request) => request,
            Err(Broken::Ended) => return,
            Err(Broken::Protocol(error)) => {
                session.shared.accounts.bad_request();
                let text = format!("{error} ({})\n", error.section());
                let bytes = page::response(&error.status().to_string(), "text/plain", &text, true);
                return drop(session.take(wire, "", None, refusal(bytes)).await);
            }
        };
        let crossed = std::mem::take(&mut wire.crossed);
        let last = request.persistence != Persistence::Persist;
        let (scenario, steps) = session.plan(&request, number);
        let scenario = scenario.map_or("", |scenario| scenario.name);
        if crossed {
            session.shared.accounts.crossed(scenario, &request.id);
        }
        match session.take(wire, scenario, Some(&request), steps).await {
            Ok(Some(open)) if !last => wire = open,
            Ok(Some(open)) => return drop(session.take(open, "", None, staged_close().into()).await),
            Ok(None) | Err(_) => return,
        }
    }
}

/// Sends `bytes` so that they arrive, and closes.
fn refusal(bytes: Vec<u8>) -> Vec<Step> {
    [Step::Send(bytes)].into_iter().chain(staged_close()).collect()
}

impl Session {
    /// The id of a request that has none of its own.
    fn id(&self, number: u64) -> String {
        format!("c{}-r{number}", self.connection)
    }

    fn plan(&self, request: &Request, number: u64) -> (Option<&'static Scenario>, Vec<Step>) {
        let Some(scenario) = scenarios::find(request.path.trim_start_matches('/')) else {
            return (None, self.page(request));
        };
        match Values::parse(scenario.parameters, &request.query) {
            Ok(values) => {
                self.shared.accounts.seen(scenario.name, number == 1);
                let random = Random::of(self.shared.seed, self.connection, number);
                let exchange = Exchange { request, values: &values, number, random };
                (Some(scenario), (scenario.plan)(&exchange))
            }
            Err(text) => {
                self.shared.accounts.bad_request();
                let text = format!("{}: {text}\n", scenario.name);
                (None, refusal(page::response("400 Bad Request", "text/plain", &text, true)))
            }
        }
    }

    fn page(&self, request: &Request) -> Vec<Step> {
        let closes = request.persistence != Persistence::Persist;
        let (kind, text) = match request.path.as_str() {
            "/" if request.wants_json => ("application/json", page::index_json()),
            "/" => ("text/html; charset=utf-8", page::index_html()),
            "/report" => ("application/json", page::report(&self.shared.report())),
            path => {
                self.shared.accounts.bad_request();
                let text = format!("no scenario at {path}; GET / lists them\n");
                return refusal(page::response("404 Not Found", "text/plain", &text, true));
            }
        };
        let mut bytes = page::response("200 OK", kind, &text, closes);
        if request.method == "HEAD" {
            bytes.truncate(bytes.len() - text.len());
        }
        vec![Step::ReadContent, Step::Send(bytes)]
    }

    /// Takes the steps. The connection is left for the next request, unless a step has closed it.
    async fn take(
        &self,
        mut wire: Wire,
        scenario: &'static str,
        request: Option<&Request>,
        steps: Vec<Step>,
    ) -> Result<Option<Wire>, Broken> {
        for step in steps {
            match step {
                Step::ReadContent => {
                    if request.is_some_and(|request| request.expects_continue) {
                        wire.send(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
                    }
                    wire.content().await?;
                }
                Step::Process => {
                    if let Some(request) = request {
                        self.shared.accounts.processed(scenario, &request.method, &request.id);
                    }
                }
                Step::Send(bytes) => wire.send(&bytes).await?,
                Step::SendUnasked(_) if wire.has_bytes() => return Ok(Some(wire)),
                Step::SendUnasked(bytes) => {
                    wire.send(&bytes).await?;
                    wire.crossed = wire.has_bytes();
                }
                Step::Pause(time) => tokio::time::sleep(time).await,
                Step::Idle(time) => match wire.wait(time).await {
                    Waited::Bytes => return Ok(Some(wire)),
                    Waited::Ended => return Ok(None),
                    Waited::TimedOut => {}
                },
                Step::AwaitUnread(time) => drop(wire.wait(time).await),
                Step::ProcessNext(time) => self.process_next(&mut wire, time).await?,
                Step::HalfClose => wire.half_close().await,
                Step::Discard(time) => wire.discard(time).await,
                Step::Close => return Ok(None),
                Step::Reset => {
                    wire.reset();
                    return Ok(None);
                }
            }
        }
        Ok(Some(wire))
    }

    async fn process_next(&self, wire: &mut Wire, most: Duration) -> Result<(), Broken> {
        if wire.wait(most).await != Waited::Bytes {
            return Ok(());
        }
        let request = wire.request(self.id(0)).await?;
        wire.content().await?;
        if let Some(scenario) = scenarios::find(request.path.trim_start_matches('/')) {
            self.shared.accounts.seen(scenario.name, false);
            self.shared.accounts.processed(scenario.name, &request.method, &request.id);
        }
        Ok(())
    }
}
