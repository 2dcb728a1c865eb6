//! A response, whole and right; scenarios cut it, delay it or add to it.

use tenure_proto::Persistence;

use crate::scenario::Exchange;

/// A response to one request, which it repeats the id of.
pub(crate) struct Answer {
    version: &'static str,
    status: &'static str,
    fields: Vec<String>,
    content: String,
    head_only: bool,
    framing: Framing,
    /// What `Content-Length` says, if that is not the truth.
    claimed: Option<usize>,
    closes: bool,
}

/// How the content is delimited (RFC 9112 section 6).
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Framing {
    Length,
    /// Two chunks and a trailer field.
    Chunked,
    CloseDelimited,
}

impl Answer {
    /// 200 (OK), persistent if the request wants that.
    pub(crate) fn ok(x: &Exchange<'_>) -> Self {
        let id = &x.request.id;
        Self {
            version: "HTTP/1.1",
            status: "200 OK",
            fields: vec![format!("X-Request-Id: {id}")],
            content: format!("answer to {id}\n"),
            head_only: x.request.method == "HEAD",
            framing: Framing::Length,
            claimed: None,
            closes: x.request.persistence != Persistence::Persist,
        }
    }

    pub(crate) const fn status(mut self, status: &'static str) -> Self {
        self.status = status;
        self
    }

    pub(crate) const fn version(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }

    pub(crate) const fn framing(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    /// With content of this length instead.
    pub(crate) fn length(mut self, bytes: usize) -> Self {
        self.content = "x".repeat(bytes);
        self
    }

    /// With a `Content-Length` of so many bytes more, or fewer, than there are.
    pub(crate) fn off_by(mut self, bytes: isize) -> Self {
        self.claimed = Some(self.content.len().saturating_add_signed(bytes));
        self
    }

    pub(crate) fn field(mut self, line: String) -> Self {
        self.fields.push(line);
        self
    }

    /// Says `Connection: close`.
    pub(crate) const fn closes(mut self) -> Self {
        self.closes = true;
        self
    }

    /// The head, with its empty line.
    pub(crate) fn head(&self) -> Vec<u8> {
        let mut lines = vec![format!("{} {}", self.version, self.status)];
        lines.extend(self.fields.iter().cloned());
        match self.framing {
            Framing::Length => lines.push(format!("Content-Length: {}", self.claimed.unwrap_or(self.content.len()))),
            Framing::Chunked => lines.push("Transfer-Encoding: chunked".to_owned()),
            Framing::CloseDelimited => {}
        }
        if self.closes {
            lines.push("Connection: close".to_owned());
        }
        lines.push("\r\n".to_owned());
        lines.join("\r\n").into_bytes()
    }

    /// What follows the head, in the pieces that its framing makes of it.
    pub(crate) fn pieces(&self) -> Vec<Vec<u8>> {
        let content = self.content.as_bytes();
        if self.head_only {
            return Vec::new();
        }
        let (first, second) = content.split_at(content.len() / 2);
        match self.framing {
            Framing::Length | Framing::CloseDelimited => vec![first.to_vec(), second.to_vec()],
            Framing::Chunked => {
                let chunk = |data: &[u8]| {
                    let mut bytes = format!("{:x}\r\n", data.len()).into_bytes();
                    bytes.extend_from_slice(data);
                    bytes.extend_from_slice(b"\r\n");
                    bytes
                };
                vec![chunk(first), chunk(second), b"0\r\n".to_vec(), b"X-Trailer: last\r\n\r\n".to_vec()]
            }
        }
    }

    /// All of it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head();
        bytes.extend(self.pieces().concat());
        bytes
    }
}
