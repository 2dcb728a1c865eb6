//! A whole head: request line or status line, fields, empty line. And what it says.

use http::StatusCode;

use super::facts::Facts;
use super::field::{check_line, quick_line};
use super::lines::{Bound, Line, Lines};
use super::{Fault, Fields, KeepAlive, request_line, status_line};
use crate::body::{Framing, FramingRule};
use crate::connection::{ConnectionOptions, Persistence};
use crate::error::ErrorKind;
use crate::limits::Limits;
use crate::role::Role;
use crate::version::Version;

/// A request, as received.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RequestHead<'b> {
    /// The method: a token, compared with case (RFC 9110 section 9.1).
    pub method: &'b [u8],
    /// The request target in one of the four forms of RFC 9112 section 3.2; visible ASCII.
    pub target: &'b [u8],
    /// The version the client speaks.
    pub version: Version,
    /// The field lines.
    pub fields: Fields<'b>,
    /// Where the content ends.
    pub framing: Framing,
    /// By which rule of RFC 9112 section 6.3.
    pub rule: FramingRule,
    /// What the request asks of the connection.
    pub persistence: Persistence,
    /// Every connection option named.
    pub options: ConnectionOptions,
    /// What the client expects before it sends the content.
    pub expectation: Expectation,
    /// An `Upgrade` field is there and named as a connection option (RFC 9110 section 7.8).
    pub upgrade: bool,
    /// The `Keep-Alive` field, if there is one.
    pub keep_alive: Option<KeepAlive>,
}

/// The `Expect` field (RFC 9110 section 10.1.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expectation {
    /// None, or from an HTTP/1.0 client, which cannot mean it.
    None,
    /// `100-continue`: the client waits before it sends the content.
    Continue,
    /// Something else: answer 417.
    Unknown,
}

/// A response, as received.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ResponseHead<'b> {
    /// The version the server speaks.
    pub version: Version,
    /// The status code.
    pub status: StatusCode,
    /// The reason phrase, for people only; often empty.
    pub reason: &'b [u8],
    /// The field lines.
    pub fields: Fields<'b>,
    /// Where the content ends.
    pub framing: Framing,
    /// By which rule of RFC 9112 section 6.3.
    pub rule: FramingRule,
    /// What the response says of the connection, framing included.
    pub persistence: Persistence,
    /// Every connection option named.
    pub options: ConnectionOptions,
    /// A transfer coding other than chunked was applied: the content is still coded by it.
    pub coded: bool,
    /// The `Keep-Alive` field, if there is one.
    pub keep_alive: Option<KeepAlive>,
}

/// A head on its way in: what is known between two inputs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct HeadParser {
    lines: Lines,
    facts: Facts,
    start: Option<Start>,
    seen: usize,
}

/// The parsed start line and where the fields begin.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Start {
    line: StartLine,
    fields: usize,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum StartLine {
    Request(request_line::RequestLine),
    Status { version: Version, status: StatusCode, end: usize },
}

impl StartLine {
    const fn version(&self) -> Version {
        match self {
            Self::Request(line) => line.version,
            Self::Status { version, .. } => *version,
        }
    }
}

/// A complete head, before framing and persistence are decided.
pub(crate) struct Parsed<'b> {
    pub(crate) len: usize,
    pub(crate) facts: Facts,
    pub(crate) fields: Fields<'b>,
    start: Start,
    input: &'b [u8],
}

impl HeadParser {
    pub(crate) const NEW: Self = Self { lines: Lines::NEW, facts: Facts::NEW, start: None, seen: 0 };

    /// True before the first byte of the head came.
    pub(crate) const fn is_fresh(&self) -> bool {
        self.seen == 0
    }

    /// How many bytes of an unfinished head were looked at.
    pub(crate) const fn seen(&self) -> usize {
        self.seen
    }

    /// Parses as many whole lines as there are. `None`: more input is needed; then the next input
    /// must start with the same bytes.
    pub(crate) fn advance<'b, R: Role>(
        &mut self,
        input: &'b [u8],
        limits: &Limits,
        http09: bool,
    ) -> Result<Option<Parsed<'b>>, Fault> {
        self.seen = input.len();
        if self.start.is_none() && !self.start_line::<R>(input, limits, http09)? {
            return Ok(None);
        }
        let Some(start) = self.start else { return Ok(None) };
        if start.line.version() == Version::Http09 {
            return Ok(Some(self.complete(start, start.fields, start.fields, input)));
        }
        let bound = Bound { bytes: limits.head, fault: Fault::new(ErrorKind::HeadTooLarge, limits.head) };
        loop {
            if R::IS_SERVER && self.quick_field(start, input, limits)? {
                continue;
            }
            let line = if R::IS_SERVER {
                self.lines.next(input, true, bound)?
            } else {
                self.lines.next_unfolded(input, bound)?
            };
            let Some(line) = line else { return Ok(None) };
            if line.start == line.end {
                return Ok(Some(self.complete(start, line.start, line.next, input)));
            }
            if line.next >= limits.head {
                return Err(bound.fault);
            }
            self.field::<R>(line, start, input, limits)?;
        }
    }

    /// Takes the next field line if it is whole and sound. `false`: it is to be looked at closely.
    #[inline]
    fn quick_field(&mut self, start: Start, input: &[u8], limits: &Limits) -> Result<bool, Fault> {
        // A head may end where the limit is, a field line may not.
        let rest = self.lines.fresh(input, limits.head.saturating_sub(1)).filter(|_| self.facts.fields < limits.fields);
        let Some((end, name)) = rest.and_then(quick_line) else { return Ok(false) };
        let line = self.lines.take(end);
        self.facts.fields += 1;
        self.facts
            .gather(line.text(input), name, line.start, start.line.version(), true)
            .map_err(|f| f.after(line.start))?;
        Ok(true)
    }

    fn start_line<R: Role>(&mut self, input: &[u8], limits: &Limits, http09: bool) -> Result<bool, Fault> {
        if R::IS_SERVER
            && let Some((line, end)) = self.lines.fresh(input, input.len()).and_then(request_line::quick)
            && end <= limits.start_line
        {
            let fields = self.lines.take(end).next;
            self.start = Some(Start { line: StartLine::Request(line), fields });
            return Ok(true);
        }
        // The line's end, CR LF, may follow the limit.
        let too_long = Fault::new(ErrorKind::RequestLineTooLong, limits.start_line);
        let bound = Bound { bytes: limits.start_line + 2, fault: too_long };
        // Looked at also when the line is whole, so that the same fault is found however the bytes arrive.
        let beginning = &input[..input.len().min(bound.bytes)];
        if R::IS_SERVER {
            request_line::check_beginning(beginning)?;
        } else {
            status_line::check_beginning(beginning)?;
        }
        let Some(line) = self.lines.next(input, R::IS_SERVER, bound)? else {
            return Ok(false);
        };
        if line.end > limits.start_line {
            return Err(too_long);
        }
        let text = line.text(input);
        let start = if R::IS_SERVER {
            StartLine::Request(request_line::parse(text, http09)?)
        } else {
            let (version, status) = status_line::parse(text)?;
            StartLine::Status { version, status, end: line.end }
        };
        self.start = Some(Start { line: start, fields: line.next });
        Ok(true)
    }

    #[inline]
    fn field<R: Role>(&mut self, line: Line, start: Start, input: &[u8], limits: &Limits) -> Result<(), Fault> {
        let text = line.text(input);
        if let [b' ' | b'\t', ..] = text {
            let first = line.start == start.fields;
            let kind = if first { ErrorKind::WhitespaceBeforeFields } else { ErrorKind::ObsFold };
            return Err(Fault::new(kind, line.start));
        }
        if self.facts.fields == limits.fields {
            return Err(Fault::new(ErrorKind::TooManyFields, line.start));
        }
        self.facts.fields += 1;
        check_line(text)
            .and_then(|name| self.facts.gather(text, name, line.start, start.line.version(), R::IS_SERVER))
            .map_err(|f| f.after(line.start))
    }

    const fn complete<'b>(&self, start: Start, fields_end: usize, len: usize, input: &'b [u8]) -> Parsed<'b> {
        let (head, _) = input.split_at(fields_end);
        let (_, fields) = head.split_at(start.fields);
        Parsed { len, facts: self.facts, fields: Fields::new(fields), start, input }
    }
}

impl<'b> Parsed<'b> {
    pub(crate) const fn version(&self) -> Version {
        self.start.line.version()
    }

    /// Method and target; empty in the client role.
    pub(crate) fn request_line(&self) -> (&'b [u8], &'b [u8]) {
        match self.start.line {
            StartLine::Request(line) => {
                (&self.input[..line.method_end], &self.input[line.method_end + 1..line.target_end])
            }
            StartLine::Status { .. } => (&[], &[]),
        }
    }

    /// Status and reason; `200` and empty in the server role.
    pub(crate) fn status_line(&self) -> (StatusCode, &'b [u8]) {
        match self.start.line {
            StartLine::Status { status, end, .. } => (status, status_line::reason(&self.input[..end])),
            StartLine::Request(_) => (StatusCode::OK, &[]),
        }
    }
}
