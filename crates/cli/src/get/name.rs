//! Names for what is fetched: the last segment of each URL, made safe.

use std::collections::HashSet;
use std::ffi::OsString;

use http::Uri;
use percent_encoding::percent_decode_str;

/// What a URL that ends with a slash is called.
const INDEX: &str = "index.html";

/// Gives every URL of a run its own name. The first keeps it, a later one of the same name gets a
/// number: `a.txt`, `a-2.txt`.
#[derive(Default)]
pub(super) struct Names {
    taken: HashSet<String>,
}

impl Names {
    /// The name of the file for `uri`: one plain name, never a path.
    pub(super) fn of(&mut self, uri: &Uri) -> OsString {
        let name = plain(uri.path());
        let mut candidate = name.clone();
        let mut number = 2;
        // Names that differ only by case are one file on some file systems.
        while !self.taken.insert(candidate.to_lowercase()) {
            candidate = numbered(&name, number);
            number += 1;
        }
        candidate.into()
    }
}

fn plain(path: &str) -> String {
    let segment = path.rsplit('/').next().unwrap_or_default();
    let decoded = percent_decode_str(segment).decode_utf8().unwrap_or(segment.into());
    let unsafe_here = |c: char| c == '/' || c == '\\' || c.is_control();
    match &*decoded {
        "" => INDEX.to_owned(),
        // As no URL can mean them: `.` and `..` are taken away before a request is made.
        "." | ".." => decoded.replace('.', "%2E"),
        // The segment as it was is nothing but harmless characters.
        name if name.contains(unsafe_here) => segment.replace('\\', "%5C"),
        name => name.to_owned(),
    }
}

/// `a.txt` and 2 make `a-2.txt`.
fn numbered(name: &str, number: u32) -> String {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => format!("{stem}-{number}.{extension}"),
        _ => format!("{name}-{number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(urls: &[&str]) -> Vec<String> {
        let mut names = Names::default();
        urls.iter().map(|url| names.of(&format!("http://h{url}").parse().unwrap()).into_string().unwrap()).collect()
    }

    #[test]
    fn the_last_segment_is_the_name() {
        let urls = ["/a/b.txt", "/a%20b", "/gr%C3%B6%C3%9Fe", "/x?y=/z", "", "/what%3F%23&+.txt", "/100%25"];
        assert_eq!(names(&urls), ["b.txt", "a b", "größe", "x", "index.html", "what?#&+.txt", "100%"]);
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        for (url, expected) in [
            ("/a/..", "%2E%2E"),
            ("/%2e%2e", "%2E%2E"),
            ("/.", "%2E"),
            ("/a%2F..%2F..%2Fetc%2Fpasswd", "a%2F..%2F..%2Fetc%2Fpasswd"),
            ("/..%5C..%5Cx", "..%5C..%5Cx"),
            ("/a%00b", "a%00b"),
            ("/a%0Ab", "a%0Ab"),
            ("/caf%E9", "caf%E9"),
            ("/a/", "index.html"),
        ] {
            assert_eq!(names(&[url]), [expected], "{url}");
        }
    }

    #[test]
    fn a_name_is_given_once() {
        let urls = ["/a/x.tar.gz", "/b/x.tar.gz", "/c/X.tar.gz", "/.profile", "/d/.profile", "/", "/e/", "/x.tar-2.gz"];
        let expected = [
            "x.tar.gz",
            "x.tar-2.gz",
            "X.tar-3.gz",
            ".profile",
            ".profile-2",
            "index.html",
            "index-2.html",
            "x.tar-2-2.gz",
        ];
        assert_eq!(names(&urls), expected);
    }
}
