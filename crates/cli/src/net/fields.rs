//! The fields that every request of a run carries: the defaults, `-H`, `-u`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING, USER_AGENT,
};

use super::WrongUse;

/// The defaults, changed by `headers` (each `Name: value`) and `user` (`user:password`).
pub(super) fn fields(headers: &[String], user: Option<&str>) -> Result<HeaderMap, WrongUse> {
    let mut fields = HeaderMap::new();
    fields.insert(USER_AGENT, HeaderValue::from_static(concat!("tenure/", env!("CARGO_PKG_VERSION"))));
    fields.insert(ACCEPT, HeaderValue::from_static("*/*"));
    if let Some(user) = user {
        fields.insert(AUTHORIZATION, basic(user)?);
    }
    let mut given: HeaderMap = HeaderMap::new();
    for header in headers {
        let (name, value) = field(header)?;
        if value.is_empty() {
            fields.remove(&name);
        } else {
            // The first replaces the default; a name given twice is sent twice.
            if !given.contains_key(&name) {
                fields.remove(&name);
            }
            given.append(name, value);
        }
    }
    fields.extend(given);
    Ok(fields)
}

fn field(header: &str) -> Result<(HeaderName, HeaderValue), WrongUse> {
    let wrong = |why: &str| WrongUse::new(format!("-H '{}': {why}", header.escape_debug()));
    let (name, value) = header.split_once(':').ok_or_else(|| wrong("a field is written 'Name: value'"))?;
    let name: HeaderName = name.trim().parse().map_err(|_| wrong("this is no field name"))?;
    let value = HeaderValue::from_bytes(value.trim().as_bytes())
        .map_err(|_| wrong("a field value cannot have line breaks or other control characters"))?;
    if name == CONTENT_LENGTH || name == TRANSFER_ENCODING {
        return Err(wrong("tenure writes this field itself, since it says where the content ends"));
    }
    Ok((name, value))
}

/// RFC 7617.
fn basic(user: &str) -> Result<HeaderValue, WrongUse> {
    if !user.contains(':') {
        return Err(WrongUse::new("-u: write the user and the password as USER:PASSWORD"));
    }
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(user)))
        .map_err(|_| WrongUse::new("-u: these cannot be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(headers: &[&str], user: Option<&str>) -> Result<Vec<String>, String> {
        let headers: Vec<String> = headers.iter().map(|&h| h.to_owned()).collect();
        let fields = fields(&headers, user).map_err(|e| e.to_string())?;
        let mut lines: Vec<String> =
            fields.iter().map(|(n, v)| format!("{n}: {}", String::from_utf8_lossy(v.as_bytes()))).collect();
        lines.sort();
        Ok(lines)
    }

    #[test]
    fn defaults_are_added_to_replaced_and_left_out() {
        let agent = concat!("user-agent: tenure/", env!("CARGO_PKG_VERSION"));
        assert_eq!(all(&[], None).unwrap(), ["accept: */*", agent]);
        assert_eq!(all(&["X: 1", "x:2", "User-Agent:"], None).unwrap(), ["accept: */*", "x: 1", "x: 2"]);
        assert_eq!(all(&["USER-AGENT: me ", "Accept:"], None).unwrap(), ["user-agent: me"]);
        assert_eq!(all(&["T: größe:1", "Accept:", "User-Agent:"], None).unwrap(), ["t: größe:1"]);
    }

    #[test]
    fn credentials_are_basic() {
        // RFC 7617 section 2.
        let lines = all(&["Accept:", "User-Agent:"], Some("Aladdin:open sesame")).unwrap();
        assert_eq!(lines, ["authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]);
        let lines = all(&["Accept:", "User-Agent:", "authorization: Bearer x"], Some("a:b")).unwrap();
        assert_eq!(lines, ["authorization: Bearer x"], "-H says it better");
        assert!(all(&[], Some("nobody")).unwrap_err().contains("USER:PASSWORD"));
    }

    #[test]
    fn what_cannot_be_a_field_is_refused() {
        for header in ["", "no colon", ": value", "a b: c", "X: a\r\nY: b", "X: a\0", "größe: 1"] {
            assert!(all(&[header], None).is_err(), "{header:?}");
        }
        for header in ["Content-Length: 3", "transfer-encoding: chunked"] {
            assert!(all(&[header], None).unwrap_err().contains("writes this field itself"), "{header:?}");
        }
    }
}
