//! `multipart/form-data` (RFC 7578) with one file, as the form of a web page would send it.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderValue;
use http_body::{Body, Frame, SizeHint};

/// The form of a run: the field that carries the file, and a boundary that no file contains.
pub(super) struct Form {
    field: String,
    boundary: String,
}

impl Form {
    pub(super) fn new(field: &str) -> Self {
        // 128 random bits: every hasher of the standard library is seeded anew.
        let random = || RandomState::new().build_hasher().finish();
        Self { field: quoted(field), boundary: format!("tenure-{:016x}{:016x}", random(), random()) }
    }

    pub(super) fn content_type(&self) -> HeaderValue {
        HeaderValue::try_from(format!("multipart/form-data; boundary={}", self.boundary))
            .expect("a boundary of letters and digits is a field value")
    }

    /// The form around a file's content; its length is known if the content's is.
    pub(super) fn around<B>(&self, filename: &str, content: B) -> Enclosed<B> {
        let before = format!(
            "--{}\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n",
            self.boundary,
            self.field,
            quoted(filename)
        );
        Enclosed {
            before: Some(before.into()),
            content: Some(content),
            after: Some(format!("\r\n--{}--\r\n", self.boundary).into()),
        }
    }
}

/// As browsers do it (HTML, "multipart/form-data encoding algorithm"): what could end the value is
/// percent-encoded, all else stands as it is, in UTF-8.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

/// A body with something before and after it.
pub(super) struct Enclosed<B> {
    before: Option<Bytes>,
    content: Option<B>,
    after: Option<Bytes>,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Enclosed<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        if let Some(before) = this.before.take() {
            return Poll::Ready(Some(Ok(Frame::data(before))));
        }
        if let Some(content) = &mut this.content {
            match ready!(Pin::new(content).poll_frame(cx)) {
                Some(frame) => return Poll::Ready(Some(frame)),
                None => this.content = None,
            }
        }
        Poll::Ready(this.after.take().map(|after| Ok(Frame::data(after))))
    }

    fn size_hint(&self) -> SizeHint {
        let around = [&self.before, &self.after].into_iter().flatten().map(|bytes| bytes.len() as u64).sum::<u64>();
        let content = self.content.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint);
        let mut hint = SizeHint::new();
        hint.set_lower(content.lower().saturating_add(around));
        if let Some(upper) = content.upper().and_then(|upper| upper.checked_add(around)) {
            hint.set_upper(upper);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Full};

    use super::*;

    #[tokio::test]
    async fn a_form_is_as_long_as_it_says() {
        let form = Form::new("fi\"le");
        let body = form.around("a\r\n\"b\"größe.txt", Full::new(Bytes::from_static(b"content")));
        let len = body.size_hint().exact().unwrap();
        let bytes = body.collect().await.unwrap().to_bytes();
        assert_eq!(bytes.len() as u64, len);
        let boundary = form.content_type();
        let boundary = boundary.to_str().unwrap().strip_prefix("multipart/form-data; boundary=").unwrap();
        let expected = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"fi%22le\"; filename=\"a%0D%0A%22b%22größe.txt\"\r\n\
             Content-Type: application/octet-stream\r\n\r\ncontent\r\n--{boundary}--\r\n"
        );
        assert_eq!(std::str::from_utf8(&bytes).unwrap(), expected);
    }

    #[test]
    fn no_two_boundaries_are_the_same() {
        assert_ne!(Form::new("f").boundary, Form::new("f").boundary);
        assert!(Form::new("f").boundary.len() <= 70, "RFC 2046 section 5.1.1");
    }
}
