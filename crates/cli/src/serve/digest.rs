//! Digest fields of uploads, RFC 9530: `Content-Digest` and `Repr-Digest` with sha-256 and sha-512.
//!
//! Requests with a `Content-Encoding` or a `Content-Range` are refused before (`upload`), so both
//! fields cover the same bytes: the content of the request. Every digest of a known algorithm is
//! verified; others are ignored (section 2), unless there are no known ones: then the sender asked
//! for a check that cannot be made, and is told so. The fields are Dictionaries of Structured Fields
//! (RFC 8941 section 3.2).

use std::io::{self, Read};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256, Sha512};

use super::answer::Refusal;
use super::validators::combined;

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");
const WANT_CONTENT_DIGEST: HeaderName = HeaderName::from_static("want-content-digest");

/// A Byte Sequence as RFC 8941 section 4.2.7 wants it read: padding and the bits under it may be off.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Algorithm {
    Sha256,
    Sha512,
}

impl Algorithm {
    fn named(key: &str) -> Option<Self> {
        match key {
            "sha-256" => Some(Self::Sha256),
            "sha-512" => Some(Self::Sha512),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha512 => "sha-512",
        }
    }

    fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Expected {
    field: HeaderName,
    algorithm: Algorithm,
    value: Vec<u8>,
}

/// The digests a header or trailer section states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stated {
    known: Vec<Expected>,
    /// There was a digest field at all, if only with unknown algorithms.
    any: bool,
}

impl Stated {
    /// Reads both fields. Answers 400 when one is malformed.
    pub(super) fn of(fields: &HeaderMap) -> Result<Self, Refusal> {
        let mut stated = Self::default();
        for name in [CONTENT_DIGEST, REPR_DIGEST] {
            if let Some(value) = combined(fields, &name) {
                stated.any = true;
                stated.known.extend(known_digests(&name, &value)?);
            }
        }
        Ok(stated)
    }

    /// Adds what the trailer section states.
    pub(super) fn extend(&mut self, more: Self) {
        self.known.extend(more.known);
        self.any |= more.any;
    }

    /// Answers 400 when there are digests and this server can verify none of them.
    pub(super) fn require_known(&self) -> Result<(), Refusal> {
        if self.any && self.known.is_empty() {
            return Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                "the content cannot be verified: this server knows the digests sha-256 and sha-512",
            )
            .with(WANT_CONTENT_DIGEST, HeaderValue::from_static("sha-512=3, sha-256=10")));
        }
        Ok(())
    }

    fn uses(&self, algorithm: Algorithm) -> bool {
        self.known.iter().any(|stated| stated.algorithm == algorithm)
    }
}

fn known_digests(name: &HeaderName, value: &HeaderValue) -> Result<Vec<Expected>, Refusal> {
    let malformed = |why: String| {
        let example = "write it as in sha-256=:BASE64:";
        Refusal::new(StatusCode::BAD_REQUEST, format!("{name} is malformed, {why}; {example}"))
    };
    let text = value.to_str().map_err(|_| malformed("it is not ASCII".into()))?;
    let members = dictionary(text).map_err(|at| malformed(format!("at character {} of '{text}'", at + 1)))?;
    let mut known: Vec<Expected> = Vec::new();
    for (key, value) in &members {
        let Some(algorithm) = Algorithm::named(key) else {
            continue;
        };
        if value.len() != algorithm.len() {
            return Err(malformed(format!("{key} takes {} bytes and not {}", algorithm.len(), value.len())));
        }
        // RFC 8941 section 3.2: of a repeated key the last one counts.
        known.retain(|earlier| earlier.algorithm != algorithm);
        known.push(Expected { field: name.clone(), algorithm, value: value.clone() });
    }
    Ok(known)
}

/// Parses a Dictionary whose values are Byte Sequences. The error is the offset of the offence.
fn dictionary(text: &str) -> Result<Vec<(String, Vec<u8>)>, usize> {
    let mut parser = Parser { text, at: 0 };
    let mut members = Vec::new();
    parser.skip(|c| c == ' ');
    while parser.peek().is_some() {
        let key = parser.key()?;
        parser.expect('=')?;
        let value = parser.byte_sequence()?;
        parser.parameters()?;
        members.push((key.to_owned(), value));
        parser.skip(|c| c == ' ' || c == '\t');
        if parser.peek().is_none() {
            break;
        }
        parser.expect(',')?;
        parser.skip(|c| c == ' ' || c == '\t');
        // RFC 8941 section 4.2.2: no comma at the end.
        parser.peek().ok_or(parser.at)?;
    }
    Ok(members)
}

/// RFC 8941 section 4.2, the parts that a dictionary of Byte Sequences needs. The text is ASCII.
struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    /// Skips the characters that fit and returns them.
    fn skip(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let rest = &self.text[self.at..];
        let len = rest.find(|c| !fits(c)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    fn expect(&mut self, wanted: char) -> Result<(), usize> {
        if self.peek() != Some(wanted) {
            return Err(self.at);
        }
        self.at += wanted.len_utf8();
        Ok(())
    }

    fn key(&mut self) -> Result<&'a str, usize> {
        if !matches!(self.peek(), Some('a'..='z' | '*')) {
            return Err(self.at);
        }
        Ok(self.skip(|c| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-' | '.' | '*')))
    }

    fn byte_sequence(&mut self) -> Result<Vec<u8>, usize> {
        self.expect(':')?;
        let start = self.at;
        let encoded = self.skip(|c| c != ':');
        self.expect(':')?;
        BASE64.decode(encoded).map_err(|_| start)
    }

    /// Parameters mean nothing here, and are read over.
    fn parameters(&mut self) -> Result<(), usize> {
        while self.peek() == Some(';') {
            self.at += 1;
            self.skip(|c| c == ' ');
            self.key()?;
            if self.peek() == Some('=') {
                self.at += 1;
                self.bare_item()?;
            }
        }
        Ok(())
    }

    fn bare_item(&mut self) -> Result<(), usize> {
        match self.peek() {
            Some(':') => self.byte_sequence().map(drop),
            Some('"') => self.string(),
            Some(_) => {
                let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~:/?".contains(c);
                match self.skip(token) {
                    "" => Err(self.at),
                    _ => Ok(()),
                }
            }
            None => Err(self.at),
        }
    }

    fn string(&mut self) -> Result<(), usize> {
        self.expect('"')?;
        loop {
            self.skip(|c| c != '"' && c != '\\');
            if self.peek() != Some('\\') {
                return self.expect('"');
            }
            self.at += 1;
            if !matches!(self.peek(), Some('"' | '\\')) {
                return Err(self.at);
            }
            self.at += 1;
        }
    }
}

/// Digests being computed over content as it passes.
#[derive(Clone, Debug, Default)]
pub(super) struct Digester {
    sha256: Option<Sha256>,
    sha512: Option<Sha512>,
}

impl Digester {
    /// Computes what `stated` needs, and nothing if it states nothing.
    pub(super) fn for_stated(stated: &Stated) -> Self {
        Self {
            sha256: stated.uses(Algorithm::Sha256).then(Sha256::new),
            sha512: stated.uses(Algorithm::Sha512).then(Sha512::new),
        }
    }

    /// Computes everything, for content that cannot be read twice and may have digests behind it.
    pub(super) fn for_all() -> Self {
        Self { sha256: Some(Sha256::new()), sha512: Some(Sha512::new()) }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        if let Some(hash) = &mut self.sha256 {
            hash.update(bytes);
        }
        if let Some(hash) = &mut self.sha512 {
            hash.update(bytes);
        }
    }

    /// Whether every algorithm `stated` uses was computed.
    pub(super) fn covers(&self, stated: &Stated) -> bool {
        (self.sha256.is_some() || !stated.uses(Algorithm::Sha256))
            && (self.sha512.is_some() || !stated.uses(Algorithm::Sha512))
    }

    /// Computes the digests of everything `from` yields.
    pub(super) fn read(mut self, mut from: impl Read) -> io::Result<Self> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => return Ok(self),
                Ok(len) => self.update(&buffer[..len]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Compares with what was stated. A digest that differs, or was not computed, is answered 400.
    pub(super) fn verify(self, stated: &Stated) -> Result<(), Refusal> {
        stated.require_known()?;
        let sha256 = self.sha256.map(|hash| hash.finalize().to_vec());
        let sha512 = self.sha512.map(|hash| hash.finalize().to_vec());
        for expected in &stated.known {
            let computed = match expected.algorithm {
                Algorithm::Sha256 => &sha256,
                Algorithm::Sha512 => &sha512,
            };
            if computed.as_ref() != Some(&expected.value) {
                return Err(mismatch(expected, computed.as_deref()));
            }
        }
        Ok(())
    }
}

fn mismatch(expected: &Expected, computed: Option<&[u8]>) -> Refusal {
    let received = computed.map_or_else(|| "not computed".to_owned(), |digest| BASE64.encode(digest));
    Refusal::new(
        StatusCode::BAD_REQUEST,
        format!(
            "nothing was stored: the {} of the received content is {received}, and {} says {}",
            expected.algorithm.name(),
            expected.field,
            BASE64.encode(&expected.value),
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 9530 appendix B: the content is `{"hello": "world"}` and a line feed.
    const HELLO: &[u8] = b"{\"hello\": \"world\"}\n";
    const SHA256: &str = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
    const SHA512: &str =
        "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:";

    fn stated(name: &'static str, lines: &[&str]) -> Result<Stated, Refusal> {
        let mut fields = HeaderMap::new();
        for line in lines {
            fields.append(name, HeaderValue::from_str(line).unwrap());
        }
        Stated::of(&fields)
    }

    fn verify(content: &[u8], lines: &[&str]) -> Result<(), Refusal> {
        let stated = stated("content-digest", lines)?;
        let mut digester = Digester::for_stated(&stated);
        for piece in content.chunks(7) {
            digester.update(piece);
        }
        digester.verify(&stated)
    }

    #[test]
    fn right_digests_pass_and_wrong_ones_do_not() {
        let wrong = SHA256.replace("RK/0", "AAAA");
        let both = format!("{SHA256}, {SHA512}");
        let one_wrong = format!("{wrong},{SHA512}");
        assert!(verify(HELLO, &[SHA256]).is_ok());
        assert!(verify(HELLO, &[SHA512]).is_ok());
        assert!(verify(HELLO, &[&both]).is_ok());
        assert!(verify(HELLO, &[SHA256, SHA512]).is_ok(), "two lines are one dictionary");
        assert!(verify(HELLO, &["md5=:AAAA:", SHA256]).is_ok(), "unknown ones are ignored");
        assert!(verify(HELLO, &[&wrong, SHA256]).is_ok(), "the last of a key counts");
        assert!(verify(HELLO, &[SHA256, &wrong]).is_err());
        assert!(verify(HELLO, &[&one_wrong]).is_err(), "all known ones are verified");
        assert!(verify(b"", &[SHA256]).is_err());
        let refusal = verify(b"{\"hello\": \"world\"}", &[SHA256]).unwrap_err();
        assert_eq!(refusal.status(), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn both_fields_count() {
        let mut fields = HeaderMap::new();
        fields.insert(CONTENT_DIGEST, HeaderValue::from_static(SHA256));
        let wrong = SHA512.replace("YMAa", "AAAA");
        fields.insert(REPR_DIGEST, HeaderValue::from_str(&wrong).unwrap());
        let stated = Stated::of(&fields).unwrap();
        assert_eq!(stated.known.len(), 2);
        let digester = Digester::for_stated(&stated).read(HELLO).unwrap();
        assert!(digester.verify(&stated).is_err());
    }

    #[test]
    fn structured_fields_in_all_their_forms() {
        let digest = &SHA256["sha-256=".len()..];
        for good in [
            format!("  sha-256={digest}"),
            format!("sha-256={digest};a;b=?1;c=\"x,\\\"y\";d=:AA==:;e=1.5;f=tok"),
            format!("x=:AA==: \t,\t sha-256={digest}"),
            format!("sha-256={}", digest.replace('=', "")),
        ] {
            assert_eq!(stated("repr-digest", &[&good]).expect(&good).known.len(), 1, "{good}");
        }
        for bad in [
            "sha-256",
            "sha-256=",
            "sha-256=abc",
            "sha-256=:abc",
            "sha-256=:a*c:",
            "sha-256=:AAAA:",
            "sha-256=\"AAAA\"",
            "SHA-256=:AAAA:",
            "=:AAAA:",
            "sha-256 =:AAAA:",
            &format!("sha-256={digest},"),
            &format!("sha-256={digest} sha-512=:AA==:"),
            &format!("sha-256={digest};"),
            &format!("sha-256={digest};a=\"b"),
            &format!("sha-256={digest};a=\"\\b\""),
            "md5=:AAAA:, unixsum=7",
        ] {
            let refusal = stated("repr-digest", &[bad]).expect_err(bad);
            assert_eq!(refusal.status(), StatusCode::BAD_REQUEST, "{bad}");
        }
        assert_eq!(Stated::of(&HeaderMap::new()).unwrap(), Stated::default());
    }

    #[test]
    fn unknown_algorithms_alone_are_refused() {
        let unknown = stated("repr-digest", &["md5=:AAAA:, crc32c=:AAAA:"]).unwrap();
        assert!(unknown.require_known().is_err());
        assert!(Digester::for_all().verify(&unknown).is_err());
        let empty = stated("repr-digest", &[""]).unwrap();
        assert!(empty.require_known().is_err());
        let mut with_trailer = unknown;
        with_trailer.extend(stated("content-digest", &[SHA256]).unwrap());
        assert!(with_trailer.require_known().is_ok());
        assert!(Stated::default().require_known().is_ok());
    }

    #[test]
    fn a_digester_computes_what_it_is_asked_for() {
        let sha256 = stated("content-digest", &[SHA256]).unwrap();
        let sha512 = stated("content-digest", &[SHA512]).unwrap();
        assert!(Digester::for_stated(&sha256).covers(&sha256));
        assert!(!Digester::for_stated(&sha256).covers(&sha512));
        assert!(Digester::for_all().covers(&sha256) && Digester::for_all().covers(&sha512));
        assert!(Digester::default().covers(&Stated::default()));
        assert!(Digester::default().verify(&sha256).is_err(), "never silently unverified");
    }
}
