//! GET and HEAD: `tower-http`'s `ServeDir` with what it leaves open.
//!
//! `ServeDir` gives entity tags, dates, `If-Match`, `If-None-Match`, `If-Modified-Since`,
//! `If-Unmodified-Since`, one range, precompressed variants, `index.html` and the redirect to a
//! folder's slash; the file it opens becomes the answer's content in the library's way. Added here: `If-Range`, the ranges it misreads, conditional fields of several
//! lines, `Vary` on 304, HEAD that answers as GET does, the listing of a folder, and a reason with
//! every error.

use std::io;
use std::path::Path;
use std::sync::Arc;

use http::header::{
    ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_MATCH,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, LAST_MODIFIED, RANGE, VARY,
};
use http::{Method, Request, StatusCode, Uri, request};
use tenure::Body;
use tower_http::services::ServeDir;
use tower_http::services::fs::DefaultServeDirFallback;

use super::answer::{Answer, Refusal, not_found, reading, status_only};
use super::backend::{Folder, Opened, blocking};
use super::listing;
use super::path::RequestPath;
use super::range::{ByteRange, IfRange};
use super::validators::combined;

type Directory = ServeDir<DefaultServeDirFallback, Folder>;

/// Serves the files of one folder.
#[derive(Clone, Debug)]
pub(super) struct Files {
    root: Arc<Path>,
}

/// What else decides how a path is served.
#[derive(Clone, Copy, Debug)]
pub(super) enum Area {
    /// Only read: `a.gz` beside `a` is `a` compressed.
    ReadOnly,
    /// Uploads appear here. A file is what was stored under its name, and whatever was stored under
    /// another name ending in `.gz` is no variant of it.
    Uploads,
}

impl Files {
    /// `root` is absolute and free of links.
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.into() }
    }

    /// For one request.
    fn directory(&self, area: Area, opened: Opened) -> Directory {
        let folder = Folder::new(Arc::clone(&self.root), opened);
        let plain = ServeDir::with_backend(&self.root, folder).ignore_multi_range_requests(true);
        match area {
            Area::ReadOnly => plain.precompressed_br().precompressed_gzip().precompressed_zstd(),
            Area::Uploads => plain,
        }
    }

    /// Answers GET and HEAD. The answer to HEAD still has the content; it is dropped later.
    pub(super) async fn get(&self, path: &RequestPath, head: &request::Parts, area: Area) -> Result<Answer, Refusal> {
        let uri = target(path, &head.uri)?;
        // RFC 9110 section 14.2: Range is defined for GET only.
        let range = (head.method == Method::GET).then(|| ByteRange::of(&head.headers)).flatten();
        let mut answer = self.read(path, &uri, &head.headers, range, area).await?;
        if let Some(range) = range
            && let Some(other) = second_try(&answer, range, &head.headers)
        {
            answer = self.read(path, &uri, &head.headers, other, area).await?;
        }
        Ok(explained(answer, path))
    }

    async fn read(
        &self,
        path: &RequestPath,
        uri: &Uri,
        fields: &HeaderMap,
        range: Option<ByteRange>,
        area: Area,
    ) -> Result<Answer, Refusal> {
        let mut request = Request::new(());
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = relevant(fields, range);
        let opened = Opened::default();
        match self.directory(area, opened.clone()).try_call(request).await {
            Ok(answer) if answer.status() == StatusCode::NOT_FOUND => {}
            Ok(answer) => {
                let mut answer =
                    with_file(answer.map(Body::stream), &opened).map_err(|error| reading(&error, &path.encoded()))?;
                if matches!(area, Area::ReadOnly) && answer.status() == StatusCode::NOT_MODIFIED {
                    // RFC 9110 section 15.4.5: what a 200 would have said of caching.
                    let vary = HeaderValue::from_static("accept-encoding");
                    answer.headers_mut().insert(VARY, vary);
                }
                return Ok(answer);
            }
            Err(error) => {
                let refusal = reading(&error, &path.encoded());
                if refusal.status() != StatusCode::NOT_FOUND {
                    return Err(refusal);
                }
            }
        }
        if !path.is_folder() {
            return Err(not_found(&path.encoded()));
        }
        self.list(path, area).await
    }

    async fn list(&self, path: &RequestPath, area: Area) -> Result<Answer, Refusal> {
        let (root, folder) = (self.root.clone(), path.clone());
        let form = matches!(area, Area::Uploads);
        let page = blocking(move || listing::page(&root, &folder, form))
            .await
            .map_err(|error: io::Error| reading(&error, &path.encoded()))?;
        let mut answer = status_only(StatusCode::OK);
        *answer.body_mut() = page.into();
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        Ok(answer)
    }
}

/// The request target in its one normal form, so that no path means something else to `ServeDir`,
/// with the query, which a redirect keeps.
fn target(path: &RequestPath, uri: &Uri) -> Result<Uri, Refusal> {
    let mut text = path.encoded();
    if let Some(query) = uri.query() {
        text.push('?');
        text.push_str(query);
    }
    text.parse().map_err(|_| Refusal::new(StatusCode::URI_TOO_LONG, "the path is too long once percent-encoded"))
}

/// The fields `ServeDir` acts upon, each as one line.
fn relevant(fields: &HeaderMap, range: Option<ByteRange>) -> HeaderMap {
    let mut relevant = HeaderMap::new();
    for name in [ACCEPT_ENCODING, IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE] {
        if let Some(value) = combined(fields, &name) {
            relevant.insert(name, value);
        }
    }
    if let Some(range) = range {
        relevant.insert(RANGE, range.into());
    }
    relevant
}

/// Looks at the answer to a request for a range: with which range, if any, to ask again. Judging
/// `If-Range` by the validators of the answer leaves no moment in which the file could change.
fn second_try(answer: &Answer, range: ByteRange, fields: &HeaderMap) -> Option<Option<ByteRange>> {
    let ranged = [StatusCode::PARTIAL_CONTENT, StatusCode::RANGE_NOT_SATISFIABLE];
    if !ranged.contains(&answer.status()) {
        return None;
    }
    let headers = answer.headers();
    if let Some(condition) = fields.get(IF_RANGE)
        && !IfRange::new(condition).holds(headers.get(ETAG), headers.get(LAST_MODIFIED))
    {
        return Some(None);
    }
    let total = headers.get(CONTENT_RANGE)?.to_str().ok()?.rsplit('/').next()?;
    match range {
        // No part of an empty file can be named (RFC 9110 section 14.2 lets it be ignored).
        _ if total == "0" => Some(None),
        // Section 14.1.2: a suffix longer than the file is all of it.
        ByteRange::Suffix(len) if len > 0 && answer.status() == StatusCode::RANGE_NOT_SATISFIABLE => {
            Some(Some(ByteRange::From { first: 0, last: None }))
        }
        _ => None,
    }
}

/// Puts the file itself where `ServeDir` would read it.
fn with_file(mut answer: Answer, opened: &Opened) -> io::Result<Answer> {
    if ![StatusCode::OK, StatusCode::PARTIAL_CONTENT].contains(&answer.status()) {
        return Ok(answer);
    }
    let len = answer.headers().get(CONTENT_LENGTH).and_then(|len| len.to_str().ok()?.parse().ok());
    if let Some(content) = len.and_then(|len| opened.content(len)) {
        *answer.body_mut() = content?;
    }
    Ok(answer)
}

/// Puts a reason where `ServeDir` leaves only a status.
fn explained(mut answer: Answer, path: &RequestPath) -> Answer {
    let reason = match answer.status() {
        StatusCode::PRECONDITION_FAILED => "is another version than If-Match or If-Unmodified-Since allow",
        StatusCode::RANGE_NOT_SATISFIABLE => "ends before that range (see Content-Range)",
        _ => return answer,
    };
    *answer.body_mut() = format!("{} {reason}\n", path.encoded()).into();
    let headers = answer.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}
