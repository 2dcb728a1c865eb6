//! Where a file goes: `--to` with its placeholders, filled in with names made safe.

use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::net::{WrongUse, url};

/// Everything but the unreserved characters of RFC 3986: such text is one segment wherever it stands.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const NAME: &str = "{name}";
const PATH: &str = "{path}";

/// What `--to` says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Target {
    /// With placeholders.
    Pattern(String),
    /// It ends with a slash: the path is added.
    Folder(String),
    /// Every file goes to exactly this URL.
    Exact(String),
    /// It ends with a slash, and a form goes to the folder the file would be in.
    FormFolder(String),
}

impl Target {
    /// Reads `--to`. A form goes to exactly the URL that is given, unless that has placeholders.
    ///
    /// # Errors
    /// It is no URL, or has placeholders that are unknown or where none can be.
    pub(super) fn parse(text: &str, form: bool) -> Result<Self, WrongUse> {
        let wrong = |why: &str| Err(WrongUse::new(format!("--to '{}': {why}", text.escape_debug())));
        let without = text.replace(NAME, "").replace(PATH, "");
        if without.contains(['{', '}']) {
            return wrong("the placeholders are {name} and {path}; write a brace as %7B or %7D");
        }
        if text.contains('#') {
            return wrong("a fragment is never sent; write '#' as %23");
        }
        let sample = text.replace(NAME, "x").replace(PATH, "x");
        let uri = url::parse(&sample).map_err(|e| WrongUse::new(format!("--to {e}")))?;
        let before_path = text.find("://").map_or(0, |at| at + 3);
        let authority = text[before_path..].split(['/', '?']).next().unwrap_or_default();
        if authority.contains('{') {
            return wrong("a placeholder can stand in the path or the query, not in the host");
        }
        Ok(if without != text {
            Self::Pattern(text.to_owned())
        } else if form || uri.query().is_some() || !uri.path().ends_with('/') {
            Self::Exact(uri.to_string())
        } else {
            Self::Folder(uri.to_string())
        })
    }

    /// The embedded server's: `origin` ends with a slash.
    pub(super) fn embedded(origin: String, form: bool) -> Self {
        if form { Self::FormFolder(origin) } else { Self::Folder(origin) }
    }

    /// Where the file with this path goes.
    ///
    /// # Errors
    /// The result is no URL, since it is too long.
    pub(super) fn uri(&self, path: &Path) -> Result<Uri, WrongUse> {
        let names = names(path);
        let all = names.join("/");
        url::parse(&match self {
            Self::Pattern(text) => {
                let name = names.last().map_or("", String::as_str);
                text.replace(PATH, &all).replace(NAME, name)
            }
            Self::Folder(text) => format!("{text}{all}"),
            Self::Exact(text) => text.clone(),
            Self::FormFolder(text) => match names.split_last() {
                Some((_, folders)) if !folders.is_empty() => format!("{text}{}/", folders.join("/")),
                _ => text.clone(),
            },
        })
    }

    /// True if all files go to one URL.
    pub(super) const fn is_exact(&self) -> bool {
        matches!(self, Self::Exact(_))
    }
}

/// The names of a path, percent-encoded: relative, without `.`, and with `..` taken back, so that it
/// leads out of no folder.
fn names(path: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(percent_encode(name.as_bytes(), ENCODED).to_string()),
            Component::ParentDir => {
                names.pop();
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(text: &str, path: &str) -> String {
        Target::parse(text, false).unwrap().uri(Path::new(path)).unwrap().to_string()
    }

    #[test]
    fn placeholders_are_filled_in() {
        assert_eq!(to("http://h/in/{path}", "a b/c#?.txt"), "http://h/in/a%20b/c%23%3F.txt");
        assert_eq!(to("http://h/in/{name}", "a b/c%.txt"), "http://h/in/c%25.txt");
        assert_eq!(to("http://h/put?as={path}&n={name}", "a&b/c"), "http://h/put?as=a%26b/c&n=c");
        assert_eq!(to("http://h/{name}", "{path}"), "http://h/%7Bpath%7D", "names hold no placeholders");
        assert_eq!(to("http://h/{path}", "größe"), "http://h/gr%C3%B6%C3%9Fe");
    }

    #[test]
    fn without_placeholders_a_slash_decides() {
        assert_eq!(to("http://h", "a/b"), "http://h/a/b");
        assert_eq!(to("http://h/in/", "a/b"), "http://h/in/a/b");
        assert_eq!(to("http://h/in", "a/b"), "http://h/in");
        assert_eq!(to("http://h/in/?q", "a/b"), "http://h/in/?q");
        assert_eq!(to("http://h?q", "a/b"), "http://h/?q");
        let form = Target::parse("http://h/upload/", true).unwrap();
        assert_eq!(form.uri(Path::new("a/b")).unwrap(), "http://h/upload/");
        assert!(form.is_exact());
    }

    #[test]
    fn paths_lead_nowhere_else() {
        let rows = [
            ("/etc/passwd", "etc/passwd"),
            ("../../x", "x"),
            ("./a/./b", "a/b"),
            ("a/../b", "b"),
            ("a//b", "a/b"),
            ("..a/.b", "..a/.b"),
            ("a\\..\\b", "a%5C..%5Cb"),
            ("a\nb", "a%0Ab"),
            ("%2e%2e", "%252e%252e"),
        ];
        for (path, expected) in rows {
            assert_eq!(to("http://h/{path}", path), format!("http://h/{expected}"), "{path:?}");
        }
        let bytes = std::ffi::OsStr::from_bytes(b"caf\xe9");
        let uri = Target::parse("http://h/{path}", false).unwrap().uri(Path::new(bytes)).unwrap();
        assert_eq!(uri, "http://h/caf%E9");
    }

    #[test]
    fn a_form_for_the_embedded_server_goes_to_the_folder() {
        let target = Target::embedded("http://h/".into(), true);
        assert_eq!(target.uri(Path::new("a/b/c")).unwrap(), "http://h/a/b/");
        assert_eq!(target.uri(Path::new("c")).unwrap(), "http://h/");
        assert_eq!(Target::embedded("http://h/".into(), false).uri(Path::new("a/c")).unwrap(), "http://h/a/c");
    }

    #[test]
    fn what_is_no_target() {
        for text in [
            "http://h/{nam}",
            "http://h/{",
            "http://{name}/",
            "http://h{path}/x",
            "http://h/#{name}",
            "h/{name}",
            "ftp://h/{name}",
            "",
            "http://u:p@h/",
        ] {
            assert!(Target::parse(text, false).is_err(), "{text}");
        }
    }
}
