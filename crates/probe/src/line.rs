//! One connection to the server: every byte sent and received, and when.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tenure_proto::{Client, Config, Connection, Event, Limits, RequestLine, Timeouts, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout, timeout_at};

use crate::answer::Answer;
use crate::dial::{Opened, Stream, TlsFacts};
use crate::ending::{Ending, How};
use crate::failure::Failure;
use crate::request::Request;
use crate::timeline::{Pen, What};

/// Content beyond this is not read: no experiment needs it.
const CONTENT: u64 = 16 << 20;
/// Bytes that answer nothing are kept up to here.
const SAID: usize = 4_096;

/// An answer that goes on coming may take so many times the patience: one that drips has no end.
const WHOLE: u32 = 3;

/// A connection.
pub(crate) struct Line {
    stream: Box<dyn Stream>,
    core: Connection<Client>,
    input: Vec<u8>,
    ended: Option<Ending>,
    patience: Duration,
    pub(crate) tls: Option<TlsFacts>,
    pen: Pen,
    _place: OwnedSemaphorePermit,
}

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// The connection could not be made.
    Dial(Failure),
    /// The server ended it first.
    Ended(Ending),
    /// Nothing came for so long.
    Silent(Duration),
    /// What came breaks a rule.
    Malformed(String),
    /// The experiment cannot be done on this server; why.
    NotPossible(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial(failure) => failure.fmt(f),
            Self::Ended(ending) => write!(f, "the connection ended ({ending}) before the answer was whole"),
            Self::Silent(time) => write!(f, "no whole answer within {:.0} s", time.as_secs_f64()),
            Self::Malformed(what) => write!(f, "a malformed answer: {what}"),
            Self::NotPossible(why) => f.write_str(why),
        }
    }
}

impl Line {
    pub(crate) fn new(opened: Opened, patience: Duration, place: OwnedSemaphorePermit, pen: Pen) -> Self {
        let limits = Limits { outstanding: 16, content: CONTENT, ..Limits::default() };
        let config = Config { limits, timeouts: Timeouts::NONE, ..Config::default() };
        Self {
            stream: opened.stream,
            core: Connection::new(Arc::new(config)),
            input: Vec::new(),
            ended: None,
            patience,
            tls: opened.tls,
            pen,
            _place: place,
        }
    }

    /// Writes bytes as they are. That the peer has closed shows when reading.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        if !bytes.is_empty() {
            self.pen.mark(What::sent(bytes));
        }
        let written = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match timeout(self.patience, written).await {
            Err(_) => Err(Trouble::Silent(self.patience)),
            // Whether an answer came all the same is found out by reading.
            Ok(_) => Ok(()),
        }
    }

    /// From now on an answer to a request of this kind is due, behind those already due.
    pub(crate) fn expect(&mut self, method: &str, version: Version) -> Result<(), Trouble> {
        let line = RequestLine { method, target: "/", version };
        let mut unsent = Vec::new();
        let told = self.core.send_head(line, [], Some(0), &mut unsent).map(drop);
        let told = told.and_then(|()| self.core.send_end([], &mut unsent).map(drop));
        told.map_err(|_| Trouble::NotPossible("the connection takes no further request".to_owned()))
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn ask(&mut self, request: &Request) -> Result<Answer, Trouble> {
        self.expect(request.method, request.version)?;
        self.write(&request.bytes()).await?;
        self.answer().await
    }

    /// Reads the next answer that is due.
    pub(crate) async fn answer(&mut self) -> Result<Answer, Trouble> {
        let mut answer = None;
        let start = Instant::now();
        let latest = start + self.patience * WHOLE;
        while !self.advance(&mut answer)? {
            if let Some(ending) = self.ended.clone() {
                match self.core.receive_eof() {
                    Ok(Event::End(_)) if ending.how == How::Fin => break,
                    _ => return Err(Trouble::Ended(ending)),
                }
            }
            if !self.fill(latest.min(Instant::now() + self.patience)).await || Instant::now() >= latest {
                return Err(Trouble::Silent(start.elapsed()));
            }
        }
        let mut answer = answer.ok_or_else(|| Trouble::Malformed("an end without a head".to_owned()))?;
        answer.at = Instant::now();
        self.pen.mark(What::Answered { status: answer.status });
        Ok(answer)
    }

    /// Uses what was received; whether the answer is whole.
    fn advance(&mut self, answer: &mut Option<Answer>) -> Result<bool, Trouble> {
        let mut used = 0;
        let whole = loop {
            let (n, event) = match self.core.receive(&self.input[used..], Instant::now().into_std()) {
                Ok(step) => step,
                Err(error) => return Err(Trouble::Malformed(error.to_string())),
            };
            used += n;
            match event {
                Event::Head(head) => *answer = Some(Answer::of(&head)),
                Event::Interim(head) => self.pen.mark(What::Interim { status: head.status.as_u16() }),
                Event::Content(data) => answer.iter_mut().for_each(|answer| answer.content += data.len() as u64),
                Event::End(_) => break true,
                _ => break false,
            }
        };
        self.input.drain(..used);
        Ok(whole)
    }

    /// Waits for the server to end the connection. `None`: at `until` it is still open.
    pub(crate) async fn ending(&mut self, until: Instant) -> Option<Ending> {
        let mut told = false;
        loop {
            if !told && !self.input.is_empty() {
                self.pen.mark(What::said(&self.input));
                told = true;
            }
            if self.ended.is_some() {
                break;
            }
            self.input.truncate(SAID);
            if !self.fill(until).await {
                return None;
            }
        }
        let said = std::mem::take(&mut self.input);
        self.ended.clone().map(|ending| Ending { said, ..ending })
    }

    /// Waits for any byte. `None`: the end, or nothing until `until`.
    pub(crate) async fn first_bytes(&mut self, until: Instant) -> Option<&[u8]> {
        if self.input.is_empty() && self.ended.is_none() {
            self.fill(until).await;
        }
        (!self.input.is_empty()).then_some(&self.input)
    }

    /// Whether the server has ended the connection, as far as was read.
    pub(crate) const fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Receives something, be it the end. False: nothing until `until`.
    async fn fill(&mut self, until: Instant) -> bool {
        let start = self.input.len();
        self.input.resize(start + 16_384, 0);
        let read = timeout_at(until, self.stream.read(&mut self.input[start..])).await;
        let at = Instant::now();
        let got = match &read {
            Ok(Ok(n)) => *n,
            _ => 0,
        };
        self.input.truncate(start + got);
        let how = match read {
            Err(_) => return false,
            Ok(Ok(0)) => How::Fin,
            Ok(Ok(_)) => return true,
            Ok(Err(error)) => How::of(&error).unwrap_or(How::Reset),
        };
        self.pen.mark(how.into());
        self.ended = Some(Ending { how, at, said: Vec::new() });
        true
    }

    /// Closes our side, to be polite; the rest is of no interest.
    pub(crate) async fn bye(mut self) -> io::Result<()> {
        timeout(Duration::from_secs(1), self.stream.shutdown()).await?
    }
}
