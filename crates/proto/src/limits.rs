//! What a peer may make us hold or do. Every limit has a default; none is unlimited by accident.

/// Bounds on one connection's messages. A value equal to the limit is accepted, one more is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of a request line or status line, without its line end. Default 8,192 (RFC 9112
    /// section 3 asks for at least 8,000). Beyond it a server answers 414.
    pub start_line: usize,
    /// Bytes of a whole head, start line and final empty line included. Default 65,536. Beyond it: 431.
    pub head: usize,
    /// Field lines in a head or a trailer section. Default 100. Beyond it: 431.
    pub fields: usize,
    /// Bytes of a trailer section, its final empty line included. Default 8,192. Beyond it: 431.
    pub trailers: usize,
    /// Bytes of chunk extensions over one whole message, so that a flood of tiny chunks with long
    /// extensions ends. Default 16,384. Beyond it: 400.
    pub chunk_extensions: usize,
    /// Bytes of content of one message, after decoding. Default `u64::MAX`: what an application
    /// stores is its own affair. Beyond it: 413.
    pub content: u64,
    /// Empty lines accepted before a request line: old browsers send one after the content of a
    /// POST (RFC 9112 section 2.2). Default 4; 0 refuses them. Beyond it: 400.
    pub empty_lines: u8,
    /// Interim (1xx) responses before one final response. Default 32.
    pub interim: u8,
    /// Requests a client may have outstanding: 1 (the default) is no pipelining (RFC 9112 section 9.3.2).
    /// A server handles one at a time; further ones wait in the caller's buffer.
    pub outstanding: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            start_line: 8_192,
            head: 65_536,
            fields: 100,
            trailers: 8_192,
            chunk_extensions: 16_384,
            content: u64::MAX,
            empty_lines: 4,
            interim: 32,
            outstanding: 1,
        }
    }
}
