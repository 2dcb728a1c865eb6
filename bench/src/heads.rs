//! What every rung is asked and what every rung answers.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use clap::ValueEnum;
use serde::Serialize;

/// The content of every answer.
pub(crate) const CONTENT: &[u8] = b"Hello, World!";
/// Its media type.
pub(crate) const CONTENT_TYPE: &str = "text/plain";

const SMALL: &[u8] = b"GET /hello HTTP/1.1\r\nHost: localhost:8080\r\n\r\n";

/// Twelve field lines, about as a browser sends them.
const BROWSER: &[u8] = b"GET /articles/persistent-connections?page=2 HTTP/1.1\r\n\
Host: www.example.org\r\n\
Connection: keep-alive\r\n\
Upgrade-Insecure-Requests: 1\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
Sec-Fetch-Site: same-origin\r\n\
Sec-Fetch-Mode: navigate\r\n\
Sec-Fetch-Dest: document\r\n\
Referer: https://www.example.org/articles\r\n\
Accept-Encoding: gzip, deflate, br, zstd\r\n\
Accept-Language: en-GB,en;q=0.9\r\n\
Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n\r\n";

/// The same with another cookie.
static OTHER: LazyLock<Vec<u8>> = LazyLock::new(|| other(BROWSER));

/// A kind of request head.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Head {
    /// A request line and `Host`, 45 bytes.
    Small,
    /// What a browser sends, about 600 bytes.
    Browser,
    /// The same, with a cookie that is another one than in the request before.
    Changing,
}

impl Head {
    pub(crate) const ALL: [Self; 3] = [Self::Small, Self::Browser, Self::Changing];

    /// One whole request without content.
    pub(crate) const fn bytes(self) -> &'static [u8] {
        match self {
            Self::Small => SMALL,
            Self::Browser | Self::Changing => BROWSER,
        }
    }

    /// Two that follow one another.
    pub(crate) fn in_turn(self) -> [&'static [u8]; 2] {
        match self {
            Self::Changing => [BROWSER, &OTHER],
            Self::Small | Self::Browser => [self.bytes(); 2],
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Browser => "browser",
            Self::Changing => "changing",
        }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if *self == Self::Changing { "changing browser" } else { self.name() };
        write!(f, "{name} heads ({} bytes)", self.bytes().len())
    }
}

/// A request of as many field lines as told, each of 40 bytes but the first, which is `Host`.
pub(crate) fn with_fields(count: usize) -> Vec<u8> {
    let mut head = b"GET /hello HTTP/1.1\r\nHost: localhost:8080\r\n".to_vec();
    for n in 1..count {
        head.extend_from_slice(format!("X-Field-{n:03}: {}x\r\n", "value ".repeat(4)).as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// The same head but for the end of its last value.
pub(crate) fn other(head: &[u8]) -> Vec<u8> {
    let mut other = head.to_vec();
    if let Some(last) = other.len().checked_sub(5).and_then(|at| other.get_mut(at)) {
        *last = if *last == b'0' { b'1' } else { b'0' };
    }
    other
}

/// What a subject is given: one of the two heads by its name, or a number of field lines.
#[derive(Clone, Debug)]
pub(crate) struct Input(pub(crate) Vec<u8>);

impl FromStr for Input {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(head) = Head::from_str(text, false) {
            return Ok(Self(head.bytes().to_vec()));
        }
        text.parse().map(|count| Self(with_fields(count))).map_err(|_| format!("{text}: neither a head nor a number"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_whole_and_of_the_size_they_claim() {
        let [one, other] = Head::Changing.in_turn();
        assert_eq!(one.iter().zip(other).filter(|(a, b)| a != b).count(), 1);
        assert!(other.ends_with(b"theme=dar0\r\n\r\n"));
        for head in Head::ALL {
            assert_eq!(memchr::memmem::find(head.bytes(), b"\r\n\r\n"), Some(head.bytes().len() - 4));
        }
        assert_eq!(SMALL.len(), 45);
        assert_eq!(with_fields(1), SMALL);
        assert_eq!(with_fields(11).len(), SMALL.len() + 10 * 40);
        assert!((590..=660).contains(&BROWSER.len()), "{}", BROWSER.len());
        assert_eq!(BROWSER.iter().filter(|&&b| b == b'\n').count(), 14, "request line, 12 fields, empty line");
    }
}
