//! What the person who sent a file can do about it.

use http::{Method, StatusCode};
use tenure::Fate;

use crate::net::Net;

/// When a server answered with this status.
pub(super) fn for_status(status: StatusCode, method: &Method, net: &Net) -> Option<String> {
    Some(match status.as_u16() {
        300..=399 => "if that is where the file should go, give that URL with --to".into(),
        400 => "the server did not understand the request; --wire FILE shows what was sent".into(),
        401 => net.login_advice().into(),
        403 => "the server does not allow this; ask who runs it, or try another --to or -u".into(),
        404 | 410 => "there is nothing at this URL that takes files; check --to".into(),
        405 | 501 => {
            let other = if *method == Method::PUT { "POST" } else { "PUT" };
            format!("the server does not do {method} there; try --method {other}, or another --to")
        }
        407 => "a proxy wants to know who you are; tenure speaks to servers directly".into(),
        408 => "the server did not wait long enough; send the file again".into(),
        409 => "does the folder exist on the server?".into(),
        411 => {
            "the server wants to know the length; write the pipe to a file first, or use --http1.0, which does".into()
        }
        413 => "the server takes no file of this size; ask who runs it for a higher limit".into(),
        415 => {
            "say what the file is, for instance -H 'Content-Type: image/png'; or does the server want a --form?".into()
        }
        417 => "leave out the Expect field".into(),
        429 | 503 => "the server is busy; try again later, or wait longer with --retry-wait SECONDS".into(),
        507 => "the server has no room for it; ask who runs it to make some".into(),
        500..=599 => "the server failed; its log may say why".into(),
        _ => return None,
    })
}

/// When the connection ended under a request (RFC 9110 section 9.2.2).
pub(super) fn for_fate(fate: Fate, method: &Method, journal: bool) -> &'static str {
    if fate.is_safe_to_retry() || *method != Method::POST {
        "it can be sent again"
    } else if journal {
        "look whether the server has it; --resend-unknown sends it again"
    } else {
        "look whether the server has it before you send it again"
    }
}
