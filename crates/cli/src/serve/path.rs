//! From the path of a request to names in a folder, and back.
//!
//! A path is decoded once, here, into plain names. What could mean anything but "the entry of this
//! name in that folder" is refused: `.` and `..`, separators and NUL hidden behind percent-encoding,
//! drive letters, bytes that are not UTF-8, broken percent-encoding, and the names kept for uploads
//! in progress. Joining the names to a folder can then not leave it, symbolic links aside; those are
//! judged where the file system is read (`backend` for reading, `store` for writing).

use std::path::{Component, Path};

use http::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::answer::Refusal;

/// How the name of every upload in progress begins. Such names are never listed, served or stored.
pub(super) const TEMPORARY_PREFIX: &str = ".tenure-upload-";

/// Everything but RFC 3986's unreserved characters: such a name can stand in any part of a URI.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The path of a request, decoded: `/in/a%20b` is the names `in`, `a b`. Empty segments are dropped,
/// so that `//in///a` is `/in/a` for every method and no answer ever starts a `Location` with `//`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestPath {
    names: Vec<String>,
    /// The path ended with a slash: it means the folder and not a file of that name.
    folder: bool,
}

/// The root.
impl Default for RequestPath {
    fn default() -> Self {
        Self::folder_of(Vec::new())
    }
}

impl RequestPath {
    /// Decodes the path of a request target. Answers 400 with the reason when it is not acceptable.
    pub(super) fn parse(path: &str) -> Result<Self, Refusal> {
        let Some(path) = path.strip_prefix('/') else {
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "the path of this request does not begin with '/'"));
        };
        let names = path.split('/').filter(|segment| !segment.is_empty()).map(decode).collect::<Result<Vec<_>, _>>()?;
        let folder = names.is_empty() || path.ends_with('/');
        Ok(Self { names, folder })
    }

    /// The folder of these names, each of which passed [`check_name`].
    pub(super) fn folder_of(names: Vec<&str>) -> Self {
        Self { names: names.into_iter().map(str::to_owned).collect(), folder: true }
    }

    /// The same path without its last name, as a folder; the root stays the root.
    pub(super) fn parent(&self) -> Self {
        let kept = self.names.len().saturating_sub(1);
        Self { names: self.names[..kept].to_vec(), folder: true }
    }

    /// The entry `name` of this path taken as a folder.
    pub(super) fn join(&self, name: &str) -> Self {
        let mut names = self.names.clone();
        names.push(name.to_owned());
        Self { names, folder: false }
    }

    /// The same path, meaning the folder.
    pub(super) fn into_folder(mut self) -> Self {
        self.folder = true;
        self
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether the path was written with a slash at its end (or is the root).
    pub(super) fn is_folder(&self) -> bool {
        self.folder
    }

    /// The path as it is written in a `Location`, a link or a message: percent-encoded.
    pub(super) fn encoded(&self) -> String {
        let mut text = String::new();
        for name in &self.names {
            text.push('/');
            text.extend(utf8_percent_encode(name, ENCODED));
        }
        if self.folder {
            text.push('/');
        }
        text
    }
}

/// Percent-encodes one name for use in a URI.
pub(super) fn encode(name: &str) -> String {
    utf8_percent_encode(name, ENCODED).to_string()
}

/// Whether `name` is the name of an upload in progress, in any case: some file systems ignore it.
pub(super) fn is_temporary(name: &str) -> bool {
    name.get(..TEMPORARY_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(TEMPORARY_PREFIX))
}

/// Whether `name` may stand for one entry of a folder. The error says what is wrong with it.
pub(super) fn check_name(name: &str) -> Result<(), &'static str> {
    if name == "." || name == ".." {
        return Err("'.' and '..' are not allowed in a path");
    }
    if name.contains(['/', '\\', '\0']) {
        return Err("a name must not contain a slash, a backslash or NUL");
    }
    if is_temporary(name) {
        return Err("names that begin with '.tenure-upload-' are kept for uploads in progress");
    }
    // What the platform reads as more than one plain name, a drive letter say.
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(_)), None) => Ok(()),
        _ => Err("this name is not a plain file name here"),
    }
}

fn decode(segment: &str) -> Result<String, Refusal> {
    let refuse = |why: &str| Refusal::new(StatusCode::BAD_REQUEST, format!("{why}: '{segment}'"));
    if !well_encoded(segment.as_bytes()) {
        return Err(refuse("'%' must be followed by two hex digits (write a literal '%' as '%25')"));
    }
    let name = percent_decode_str(segment).decode_utf8().map_err(|_| refuse("file names must be UTF-8"))?;
    check_name(&name).map_err(refuse)?;
    Ok(name.into_owned())
}

/// Whether every `%` begins a percent-encoded octet, RFC 3986 section 2.1.
fn well_encoded(segment: &[u8]) -> bool {
    segment.iter().enumerate().all(|(at, &byte)| {
        byte != b'%' || segment.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &str) -> Vec<String> {
        RequestPath::parse(path).expect(path).names
    }

    #[test]
    fn plain_paths() {
        assert_eq!(names("/"), Vec::<String>::new());
        assert_eq!(names("/a/b.txt"), ["a", "b.txt"]);
        assert_eq!(names("//a///b//"), ["a", "b"]);
        assert_eq!(names("/%2Ehidden/...%2E"), [".hidden", "...."]);
        assert!(RequestPath::parse("/").unwrap().is_folder());
        assert!(RequestPath::parse("/a/").unwrap().is_folder());
        assert!(!RequestPath::parse("/a").unwrap().is_folder());
    }

    #[test]
    fn names_survive_the_way_there_and_back() {
        for name in
            ["a b", "a+b", "100%", "#1", "what?", "ünïcödé", "日本語", "a\nb", "\"<&>'", "a:b", "~x", "-rf", ".profile"]
        {
            let path = RequestPath::parse("/in/").unwrap().join(name);
            assert_eq!(names(&path.encoded()), ["in", name]);
        }
        let path = RequestPath::parse("/a%20b/c+d/").unwrap();
        assert_eq!(path.encoded(), "/a%20b/c%2Bd/");
        assert_eq!(path.parent().encoded(), "/a%20b/");
        assert_eq!(path.parent().parent().parent().encoded(), "/");
    }

    #[test]
    fn no_path_leads_out() {
        for path in [
            "*",
            "",
            "a",
            "/..",
            "/../a",
            "/a/..",
            "/a/../b",
            "/%2e%2E/a",
            "/.",
            "/%2e/a",
            "/a%2Fb",
            "/%2fetc%2fpasswd",
            "/a%5Cb",
            "/..%5c..%5ca",
            "/a\\b",
            "/a%00b",
            "/%ff",
            "/caf%E9",
            "/%",
            "/%2",
            "/%zz",
            "/100%",
            "/.tenure-upload-x",
            "/.Tenure-UPLOAD-x",
            "/a/%2etenure-upload-x",
        ] {
            let refusal = RequestPath::parse(path).expect_err(path);
            assert_eq!(refusal.status(), StatusCode::BAD_REQUEST, "{path}");
        }
    }
}
