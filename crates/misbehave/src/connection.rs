//! One connection: read a request, take the steps of its plan, read the next.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tenure_proto::Persistence;
use tokio::net::TcpStream;

use crate::ledger::CaseId;
use crate::page;
use crate::parameter::Values;
use crate::plan::{Step, Terms, Wrong, staged_close};
use crate::random::Random;
use crate::scenario::{Exchange, Request};
use crate::scenarios;
use crate::server::Shared;
use crate::socket::Socket;
use crate::wire::{Broken, Waited, Wire};

struct Session {
    shared: Arc<Shared>,
    /// Its number among all of this server, counted from 1.
    connection: u64,
    standing: Standing,
    /// It was the client who ended it.
    client_left: bool,
}

/// What earlier exchanges have left the connection in.
#[derive(Default)]
struct Standing {
    /// What the last response said about its future, in which case, and when; unless the next request
    /// was there already.
    terms: Option<(Terms, CaseId, Instant)>,
    /// Bytes that nobody had asked for were sent, and no request was there.
    stray: bool,
    /// A request may have been there already, or on its way, when bytes were sent that nobody had asked for.
    crossed: bool,
}

/// A request that comes so soon after stray bytes may have left before them: its client looked, found nothing, and wrote.
const ON_ITS_WAY: Duration = Duration::from_millis(2);

/// Serves connection number `connection` until it ends.
pub(crate) async fn serve(stream: TcpStream, shared: Arc<Shared>, connection: u64) {
    let Ok(socket) = Socket::open(stream, shared.tls.clone()).await else {
        return shared.ledger.bad_handshake();
    };
    let wire = Wire::new(socket, Arc::clone(&shared.config));
    let mut session = Session { shared, connection, standing: Standing::default(), client_left: false };
    // However it ends, the connection is over.
    let _ = session.exchanges(wire).await;
    session.hint_ran_out();
}

/// Sends `bytes` so that they arrive, and closes.
fn refusal(bytes: Vec<u8>) -> Vec<Step> {
    [Step::Send(bytes)].into_iter().chain(staged_close()).collect()
}

impl Session {
    async fn exchanges(&mut self, mut wire: Wire) -> Result<(), Broken> {
        for number in 1.. {
            let request = match wire.request(self.id(number)).await {
                Ok(request) => request,
                Err(Broken::Ended) => {
                    self.client_left = true;
                    return Ok(());
                }
                Err(Broken::Protocol(error)) => {
                    self.shared.ledger.bad_request();
                    let text = format!("{error} ({})\n", error.section());
                    let bytes = page::response(&error.status().to_string(), "text/plain", &text, true);
                    self.take(wire, None, None, refusal(bytes)).await?;
                    return Ok(());
                }
            };
            let last = request.persistence != Persistence::Persist;
            let (case, steps) = self.plan(&request, number);
            self.held_to_what_was_said(case, &request.id);
            match self.take(wire, case, Some(&request), steps).await? {
                Some(open) if !last => wire = open,
                Some(open) => return self.take(open, None, None, staged_close().into()).await.map(drop),
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// A request has come: was it right to send it here?
    fn held_to_what_was_said(&mut self, case: Option<CaseId>, id: &str) {
        let Standing { terms, stray, crossed } = std::mem::take(&mut self.standing);
        if let Some((terms, said_in, at)) = terms {
            let ran_out = terms.left == Some(0) || terms.timeout.is_some_and(|timeout| at.elapsed() > timeout);
            self.shared.ledger.count(said_in, |account| {
                account.after_close += u64::from(terms.closes);
                account.hints_ignored += u64::from(ran_out);
            });
        }
        let Some(case) = case else { return };
        if stray {
            self.shared.ledger.after_stray(case, id);
        }
        if crossed {
            self.shared.ledger.crossed(case, id);
        }
    }

    /// The connection is over: a hint that had run out was obeyed, and so was one that the client left sooner.
    /// Where the server has left sooner, there was nothing to obey.
    fn hint_ran_out(&mut self) {
        let Some((terms, said_in, at)) = self.standing.terms.take() else { return };
        let ran_out = terms.timeout.map(|timeout| self.client_left || at.elapsed() >= timeout);
        let obeyed = ran_out.unwrap_or(terms.left == Some(0));
        self.shared.ledger.count(said_in, |account| account.hints_obeyed += u64::from(obeyed));
    }

    /// The id of a request that has none of its own.
    fn id(&self, number: u64) -> String {
        format!("c{}-r{number}", self.connection)
    }

    fn plan(&self, request: &Request, number: u64) -> (Option<CaseId>, Vec<Step>) {
        let Some(scenario) = scenarios::find(request.path.trim_start_matches('/')) else {
            return (None, self.page(request));
        };
        match Values::parse(scenario.parameters, &request.query) {
            Ok(values) => {
                let random = Random::of(self.shared.seed, self.connection, number);
                let steps = (scenario.plan)(&Exchange { request, values: &values, number, random });
                (Some(self.shared.ledger.seen(scenario.name, request, number, &steps)), steps)
            }
            Err(text) => {
                self.shared.ledger.bad_request();
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
            "/tour" => ("text/plain", self.shared.tour()),
            path => {
                self.shared.ledger.bad_request();
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
        &mut self,
        mut wire: Wire,
        case: Option<CaseId>,
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
                    if let (Some(case), Some(request)) = (case, request) {
                        self.shared.ledger.processed(case, &request.id);
                    }
                }
                Step::Send(bytes) => wire.send(&bytes).await?,
                Step::SendWrong(wrong, bytes) => {
                    let asked = wire.has_bytes();
                    wire.send(&bytes).await?;
                    self.standing.stray = wrong == Wrong::Stray && !asked;
                }
                Step::Terms(_) if wire.has_bytes() => {}
                Step::Terms(terms) => self.standing.terms = case.map(|case| (terms, case, Instant::now())),
                Step::Cross => {
                    if let (Some(case), Some(request)) = (case, request) {
                        self.shared.ledger.crossed(case, &request.id);
                    }
                }
                Step::SendUnasked(_) if wire.has_bytes() => return Ok(Some(wire)),
                Step::SendUnasked(bytes) => {
                    wire.send(&bytes).await?;
                    tokio::time::sleep(ON_ITS_WAY).await;
                    self.standing.crossed = wire.has_bytes();
                    self.standing.stray = !self.standing.crossed;
                }
                Step::Pause(time) => tokio::time::sleep(time).await,
                Step::Idle(time) => match wire.wait(time).await {
                    Waited::Bytes => return Ok(Some(wire)),
                    Waited::Ended => {
                        self.client_left = true;
                        return Ok(None);
                    }
                    Waited::TimedOut => {}
                },
                Step::AwaitUnread(time) => drop(wire.wait(time).await),
                Step::ProcessNext(time) => self.process_next(&mut wire, time).await?,
                Step::HalfClose => wire.half_close().await,
                Step::Discard(time) => wire.discard(time).await,
                Step::Close => {
                    wire.close().await;
                    return Ok(None);
                }
                Step::Sever => return Ok(None),
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
            let case = self.shared.ledger.seen(scenario.name, &request, 2, &[]);
            self.shared.ledger.processed(case, &request.id);
        }
        Ok(())
    }
}
