//! Requests, written byte by byte.

use tenure_proto::Version;

/// A request. Nothing is added to what is said here but `Host` and `User-Agent`.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) version: Version,
    target: String,
    fields: Vec<(String, String)>,
    /// What follows the head, framing included.
    content: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &'static str, target: &crate::Target) -> Self {
        let agent = concat!("tenure-probe/", env!("CARGO_PKG_VERSION"));
        let fields = vec![("Host".to_owned(), target.authority.clone()), ("User-Agent".to_owned(), agent.to_owned())];
        Self { method, version: Version::Http11, target: target.path.clone(), fields, content: Vec::new() }
    }

    pub(crate) fn http10(mut self) -> Self {
        self.version = Version::Http10;
        self
    }

    pub(crate) fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn content(mut self, content: &[u8]) -> Self {
        self.content = content.to_vec();
        self
    }

    /// The head and what follows it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let version = if self.version == Version::Http10 { "HTTP/1.0" } else { "HTTP/1.1" };
        let mut text = format!("{} {} {version}\r\n", self.method, self.target);
        for (name, value) in &self.fields {
            text += &format!("{name}: {value}\r\n");
        }
        text += "\r\n";
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.content);
        bytes
    }
}
