//! URLs as people give them, and as redirections do.

use http::Uri;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::WrongUse;

/// What no URL may contain (RFC 3986 section 2) and people paste all the same.
const UNWRITABLE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`');

/// An absolute http or https URL. A fragment is left out: it is not the server's business.
pub(crate) fn parse(text: &str) -> Result<Uri, WrongUse> {
    check(text).map_err(|why| WrongUse::new(format!("'{}': {why}", text.escape_debug())))
}

fn check(text: &str) -> Result<Uri, String> {
    let before = text.trim().split('#').next().unwrap_or_default();
    if !is_http(before) {
        return Err("a URL begins with http:// or https://".into());
    }
    let uri: Uri = utf8_percent_encode(before, UNWRITABLE).to_string().parse().map_err(|e| format!("no URL: {e}"))?;
    let authority = uri.authority().ok_or("the host is missing")?;
    if authority.as_str().contains('@') {
        return Err("give the user and the password with -u, not in the URL".into());
    }
    if authority.host().is_empty() {
        return Err("the host is missing".into());
    }
    let port = authority.as_str().rsplit_once(':').map(|(_, port)| port).filter(|port| !port.ends_with(']'));
    if port.is_some_and(|port| !port.is_empty()) && uri.port_u16().is_none() {
        return Err("the port is not a number up to 65535".into());
    }
    Ok(uri)
}

fn is_http(text: &str) -> bool {
    let scheme = |scheme: &str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    scheme("http://") || scheme("https://")
}

/// Scheme, host and port: what connections are shared by.
pub(crate) fn origin(uri: &Uri) -> String {
    let secure = is_secure(uri);
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let host = uri.host().unwrap_or_default().to_ascii_lowercase();
    format!("{}://{host}:{port}", if secure { "https" } else { "http" })
}

/// True for https.
pub(crate) fn is_secure(uri: &Uri) -> bool {
    uri.scheme() == Some(&http::uri::Scheme::HTTPS)
}

/// What a `Location` means, seen from the URL that was asked for (RFC 3986 section 5.2).
pub(crate) fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    let location = location.trim().split('#').next().unwrap_or_default();
    if is_http(location) {
        return check(location).ok();
    }
    let scheme = base.scheme_str()?;
    if let Some(rest) = location.strip_prefix("//") {
        return check(&format!("{scheme}://{rest}")).ok();
    }
    // Any other scheme is not followed. A colon behind a slash is none.
    if location.split(['/', '?']).next().is_some_and(|first| first.contains(':')) {
        return None;
    }
    let authority = base.authority()?;
    let (path, query) = match location.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (location, None),
    };
    let (path, query) = match path {
        "" => (base.path().to_owned(), query.or(base.query())),
        path if path.starts_with('/') => (without_dots(path), query),
        path => {
            let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            (without_dots(&format!("{folder}/{path}")), query)
        }
    };
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    check(&format!("{scheme}://{authority}{path}{query}")).ok()
}

/// RFC 3986 section 5.2.4.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    for (i, &segment) in segments.iter().enumerate() {
        let last = i + 1 == segments.len();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_people() {
        let rows = [
            ("http://host", "http://host/"),
            (" https://host:8443/a?b#c\n", "https://host:8443/a?b"),
            ("http://host/a b/größe", "http://host/a%20b/gr%C3%B6%C3%9Fe"),
            ("http://[::1]:80/", "http://[::1]:80/"),
            ("http://[::1]/", "http://[::1]/"),
            ("HTTP://host/%20", "http://host/%20"),
        ];
        for (text, expected) in rows {
            assert_eq!(parse(text).unwrap().to_string(), expected, "{text}");
        }
        for text in
            ["", "host/path", "ftp://host/", "http://", "http:///a", "http://u:p@h/", "http://h:99999/", "http://h:x/"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn origins() {
        let of = |text: &str| origin(&parse(text).unwrap());
        assert_eq!(of("http://Host/a"), of("HTTP://host:80/b"));
        assert_eq!(of("https://host/"), "https://host:443");
        assert_ne!(of("http://host/"), of("https://host/"));
        assert_ne!(of("http://host/"), of("http://host:8080/"));
    }

    #[test]
    fn redirections_of_rfc_3986_section_5_4() {
        let base = parse("http://a/b/c/d;p?q").unwrap();
        let rows = [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g/"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q"),
            ("g#s", "http://a/b/c/g"),
            (";x", "http://a/b/c/;x"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../../g", "http://a/g"),
            ("../../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("..g", "http://a/b/c/..g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g/../h", "http://a/b/c/h"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("https://other:1/x", "https://other:1/x"),
            ("/a b", "http://a/a%20b"),
            ("/a:b", "http://a/a:b"),
        ];
        for (location, expected) in rows {
            assert_eq!(resolve(&base, location).unwrap().to_string(), expected, "{location}");
        }
        for location in ["ftp://a/", "javascript:alert(1)", "file:///etc/passwd", "http://", "//"] {
            assert_eq!(resolve(&base, location), None, "{location}");
        }
    }
}
