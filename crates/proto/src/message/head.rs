//! A whole head: request line or status line, fields, empty line. And what it says.

use http::StatusCode;

use super::facts::Facts;
use super::field::{check_line, is_unfolded, quick_line};
use super::lines::{Bound, Line, Lines};
use super::{Fault, Fields, KeepAlive, KnownFields, request_line, status_line};
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

/// Where a complete head ends.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Whole {
    /// Behind its field lines.
    pub(super) fields: usize,
    /// Behind its final empty line.
    pub(crate) len: usize,
}

/// A complete head, before framing and persistence are decided.
pub(crate) struct Parsed<'p, 'b> {
    pub(crate) facts: &'p Facts,
    pub(crate) fields: Fields<'b>,
    line: &'p StartLine,
    input: &'b [u8],
}

impl HeadParser {
    pub(crate) const NEW: Self = Self { lines: Lines::NEW, facts: Facts::NEW, start: None, seen: 0 };

    /// True before the first byte of the head came.
    #[inline]
    pub(crate) const fn is_fresh(&self) -> bool {
        self.seen == 0
    }

    /// How many bytes of an unfinished head were looked at.
    pub(crate) const fn seen(&self) -> usize {
        self.seen
    }

    /// Parses as many whole lines as there are. `None`: more input is needed; then the next input
    /// must start with the same bytes. What is `known` need not be read.
    pub(crate) fn advance<R: Role>(
        &mut self,
        input: &[u8],
        limits: &Limits,
        http09: bool,
        mut known: Option<&mut KnownFields>,
    ) -> Result<Option<Whole>, Fault> {
        self.seen = input.len();
        if let Some(known) = &mut known {
            known.begin();
        }
        if self.start.is_none() && !self.start_line::<R>(input, limits, http09)? {
            return Ok(None);
        }
        let Some(Start { line, fields }) = &self.start else { return Ok(None) };
        let (version, fields) = (line.version(), *fields);
        if version == Version::Http09 {
            return Ok(Some(Whole { fields, len: fields }));
        }
        if let Some(known) = known
            && self.lines.fresh() == Some(fields)
            && let Some((whole, facts)) = known.recall((input, fields), R::IS_SERVER, limits)
        {
            self.facts = facts;
            return Ok(Some(whole));
        }
        let bound = Bound { bytes: limits.head, fault: Fault::new(ErrorKind::HeadTooLarge, limits.head) };
        loop {
            if self.quick_fields::<R>(version, input, limits)? {
                let end = self.lines.take(0);
                return Ok(Some(Whole { fields: end.start, len: end.next }));
            }
            let line = if R::IS_SERVER {
                self.lines.next(input, true, bound)?
            } else {
                self.lines.next_unfolded(input, bound)?
            };
            let Some(line) = line else { return Ok(None) };
            if line.start == line.end {
                return Ok(Some(Whole { fields: line.start, len: line.next }));
            }
            if line.next >= limits.head {
                return Err(bound.fault);
            }
            self.field::<R>(line, version, line.start == fields, input, limits)?;
        }
    }

    /// Takes the field lines that are whole and sound. `true`: what comes next ends the head; `false`: it is to be
    /// looked at closely.
    fn quick_fields<R: Role>(&mut self, version: Version, input: &[u8], limits: &Limits) -> Result<bool, Fault> {
        let Some(mut at) = self.lines.fresh() else { return Ok(false) };
        // A head may end where the limit is, a field line may not.
        let head = &input[..input.len().min(limits.head)];
        let lines = &head[..head.len().min(limits.head.saturating_sub(1))];
        let mut left = limits.fields.saturating_sub(self.facts.fields);
        let ends = |at| head.get(at..).is_some_and(|rest: &[u8]| rest.starts_with(b"\r\n"));
        while left > 0
            && let Some((colon, end)) = quick_line(lines, at)
            && (R::IS_SERVER || is_unfolded(input, end + 2))
        {
            let gathered = self.facts.gather(lines, (at, colon, end), version, R::IS_SERVER);
            gathered.map_err(|f| f.after(at))?;
            at = end + 2;
            left -= 1;
        }
        self.facts.fields = limits.fields.max(self.facts.fields) - left;
        self.lines = Lines::from(at);
        Ok(ends(at))
    }

    fn start_line<R: Role>(&mut self, input: &[u8], limits: &Limits, http09: bool) -> Result<bool, Fault> {
        if R::IS_SERVER
            && self.lines.fresh() == Some(0)
            && let Some((line, end)) = request_line::quick(input)
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
    fn field<R: Role>(
        &mut self,
        line: Line,
        version: Version,
        is_first: bool,
        input: &[u8],
        limits: &Limits,
    ) -> Result<(), Fault> {
        let text = line.text(input);
        if let [b' ' | b'\t', ..] = text {
            let kind = if is_first { ErrorKind::WhitespaceBeforeFields } else { ErrorKind::ObsFold };
            return Err(Fault::new(kind, line.start));
        }
        if self.facts.fields == limits.fields {
            return Err(Fault::new(ErrorKind::TooManyFields, line.start));
        }
        self.facts.fields += 1;
        check_line(text)
            .and_then(|name| self.facts.gather(input, (line.start, line.start + name, line.end), version, R::IS_SERVER))
            .map_err(|f| f.after(line.start))
    }

    /// The head that `advance` found whole in `input` will be known, if it is not already.
    #[inline]
    pub(crate) fn teach<R: Role>(&self, whole: Whole, input: &[u8], known: &mut KnownFields) {
        if !known.came_again()
            && let Some(head) = self.parsed(whole, input)
        {
            known.learn(head.fields, head.facts, R::IS_SERVER);
        }
    }

    /// The head that `advance` found whole in `input`.
    #[inline]
    pub(crate) fn parsed<'b>(&self, whole: Whole, input: &'b [u8]) -> Option<Parsed<'_, 'b>> {
        let start = self.start.as_ref()?;
        let fields = Fields::new(input.get(start.fields..whole.fields)?, self.facts.fields);
        Some(Parsed { facts: &self.facts, fields, line: &start.line, input })
    }
}

impl<'b> Parsed<'_, 'b> {
    #[inline]
    pub(crate) const fn version(&self) -> Version {
        self.line.version()
    }

    /// Method and target; empty in the client role.
    #[inline]
    pub(crate) fn request_line(&self) -> (&'b [u8], &'b [u8]) {
        match *self.line {
            StartLine::Request(line) => {
                (&self.input[..line.method_end], &self.input[line.method_end + 1..line.target_end])
            }
            StartLine::Status { .. } => (&[], &[]),
        }
    }

    /// Status and reason; `200` and empty in the server role.
    pub(crate) fn status_line(&self) -> (StatusCode, &'b [u8]) {
        match *self.line {
            StartLine::Status { status, end, .. } => (status, status_line::reason(&self.input[..end])),
            StartLine::Request(_) => (StatusCode::OK, &[]),
        }
    }
}
