//! Answers: their body type, refusals with a reason, and which status an I/O error becomes.

use std::io::{self, ErrorKind};

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use tenure::Body;

/// A complete answer: a file, a page or a line of text.
pub(super) type Answer = Response<Body>;

/// A request that is not done: the status, and one line for the person who sent it.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    reason: String,
    fields: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), fields: Vec::new() }
    }

    /// Adds a field that tells the client what would be accepted.
    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.fields.push((name, value));
        self
    }

    /// Adds what the person should know besides the reason.
    pub(super) fn and(mut self, more: &str) -> Self {
        self.reason.push_str("; ");
        self.reason.push_str(more);
        self
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let mut answer = text(refusal.status, &refusal.reason);
        answer.headers_mut().extend(refusal.fields);
        answer
    }
}

/// An answer of one line of plain text.
pub(super) fn text(status: StatusCode, line: &str) -> Answer {
    let mut answer = status_only(status);
    *answer.body_mut() = format!("{line}\n").into();
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

/// An answer without content.
pub(super) fn status_only(status: StatusCode) -> Answer {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}

/// What an error while reading the file `shown` (a percent-encoded path) is to the client.
pub(super) fn reading(error: &io::Error, shown: &str) -> Refusal {
    if let Some(refusal) = out_of_descriptors(error) {
        return refusal;
    }
    match error.kind() {
        // A name too long to exist, or with a file where it needs a folder, does not exist.
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename | ErrorKind::InvalidInput => {
            not_found(shown)
        }
        ErrorKind::PermissionDenied => Refusal::new(StatusCode::FORBIDDEN, format!("the server may not read {shown}")),
        _ => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, format!("cannot read {shown}: {error}")),
    }
}

pub(super) fn not_found(shown: &str) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, format!("there is no {shown} here"))
}

/// What an error while storing `shown` (a percent-encoded path) is to the client. Nothing was stored.
pub(super) fn storing(error: &io::Error, shown: &str) -> Refusal {
    if let Some(refusal) = out_of_descriptors(error) {
        return refusal;
    }
    let (status, reason) = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => (StatusCode::INSUFFICIENT_STORAGE, "the disk is full"),
        ErrorKind::FileTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the file is larger than the file system allows"),
        ErrorKind::PermissionDenied => (StatusCode::FORBIDDEN, "the server may not write there"),
        ErrorKind::ReadOnlyFilesystem => (StatusCode::FORBIDDEN, "the file system is read-only"),
        ErrorKind::IsADirectory => (StatusCode::CONFLICT, "there is a folder of that name; add a file name"),
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            (StatusCode::CONFLICT, "a part of the path is a file and not a folder")
        }
        ErrorKind::NotFound => (StatusCode::CONFLICT, "the folder was removed in the meantime"),
        ErrorKind::InvalidFilename | ErrorKind::InvalidInput => {
            (StatusCode::BAD_REQUEST, "the name is too long, or not allowed on this file system")
        }
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "writing failed"),
    };
    Refusal::new(status, format!("{shown} was not stored: {reason} ({error})"))
}

/// Too many open files is a passing state of this server, and no fault of the request.
fn out_of_descriptors(error: &io::Error) -> Option<Refusal> {
    // ENFILE and EMFILE; std has no `ErrorKind` for them.
    let exhausted = cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24));
    exhausted.then(|| {
        Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("the server has too many files open ({error}); try again"),
        )
        .with(RETRY_AFTER, HeaderValue::from_static("1"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By Linux's numbers, as the kernel reports them: no test can fill a disk everywhere.
    #[cfg(target_os = "linux")]
    #[test]
    fn errors_of_the_file_system_become_the_right_status() {
        let rows = [
            ("ENOSPC", 28, 507),
            ("EDQUOT", 122, 507),
            ("EFBIG", 27, 413),
            ("EACCES", 13, 403),
            ("EPERM", 1, 403),
            ("EROFS", 30, 403),
            ("EISDIR", 21, 409),
            ("ENOTDIR", 20, 409),
            ("EEXIST", 17, 409),
            ("ENOENT", 2, 409),
            ("ENAMETOOLONG", 36, 400),
            ("EINVAL", 22, 400),
            ("EMFILE", 24, 503),
            ("ENFILE", 23, 503),
            ("EIO", 5, 500),
        ];
        for (name, number, status) in rows {
            let error = io::Error::from_raw_os_error(number);
            assert_eq!(storing(&error, "/a").status().as_u16(), status, "{name}");
        }
        let rows = [
            ("ENOENT", 2, 404),
            ("ENOTDIR", 20, 404),
            ("ENAMETOOLONG", 36, 404),
            ("EACCES", 13, 403),
            ("EMFILE", 24, 503),
            ("EIO", 5, 500),
        ];
        for (name, number, status) in rows {
            let error = io::Error::from_raw_os_error(number);
            assert_eq!(reading(&error, "/a").status().as_u16(), status, "{name}");
        }
    }
}
