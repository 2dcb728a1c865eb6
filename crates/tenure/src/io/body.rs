//! The content of a message: received, or to be sent.

use std::any::Any;
use std::fmt;
use std::fs::File;
use std::io;
use std::ops::RangeBounds;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tenure_proto::Fate;

use super::file::{FilePart, Reading};
use super::incoming::Incoming;
use crate::BoxError;
use crate::error::{Error, Kind};
use crate::observe::Timing;

/// The content of a request or response, with its trailers.
///
/// What a server's handler receives and a client's response carries. A body cut short by the peer
/// ends in an error, never in a short success (RFC 9112 section 8).
///
/// As the content of a request it also says whether it can be sent twice: an empty or whole body
/// can, one made by [`Body::from_file`] or [`Body::rewindable`] can, a stream cannot.
#[derive(Default)]
pub struct Body {
    content: Content,
    /// Of a client's response, where its time went and on which connection.
    timing: Option<Timing>,
}

#[derive(Default)]
enum Content {
    #[default]
    Empty,
    Whole(Bytes),
    File(Box<Reading>),
    Stream(Pin<Box<dyn HttpBody<Data = Bytes, Error = BoxError> + Send>>),
    Rewindable {
        make: Arc<dyn Fn() -> Body + Send + Sync>,
        current: Option<Box<Body>>,
    },
    Incoming(Incoming),
    Response(Response),
}

/// The content of a response, received by whatever drives its exchange.
pub(crate) trait Receiving: HttpBody<Data = Bytes, Error = Error> + Send + Unpin {
    /// It has ended, or nobody reads on.
    fn let_go(self: Box<Self>);
}

/// Content on its way in, until it has ended.
struct Response(Option<Box<dyn Receiving>>);

impl Response {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(content) = &mut self.0 else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(&mut **content).poll_frame(cx));
        // Its connection is free before the caller asks again.
        if content.is_end_stream() {
            self.let_go();
        }
        Poll::Ready(frame)
    }

    fn let_go(&mut self) {
        if let Some(content) = self.0.take() {
            content.let_go();
        }
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        self.let_go();
    }
}

impl Body {
    const fn of(content: Content) -> Self {
        Self { content, timing: None }
    }

    /// No content.
    pub const fn empty() -> Self {
        Self::of(Content::Empty)
    }

    /// The bytes of an open file, `..` for all of them. Where the file's own position stands does not
    /// matter, and it stays there.
    ///
    /// As the content of a response on a plain connection, on Linux, the kernel sends it from where it
    /// has it (`sendfile`), provided that the server is given this very body and not one around it, such
    /// as `axum`'s: whoever wraps a body may change or watch its bytes, so then they are read. So are
    /// they under TLS, and for an [`Observer`](crate::Observer) that watches all bytes. Reading is done in
    /// threads for blocking work, in pieces of 128 KiB.
    ///
    /// The length is what is announced, whatever becomes of the file: bytes appended later are not sent,
    /// and a file that is cut in the meantime ends the connection inside of the message. What is to be sent
    /// by the kernel is lent to the socket and not copied: a file written to in place meanwhile, not replaced by
    /// another, may change bytes that wait there, up to about two mebibytes on this side.
    ///
    /// What the kernel does not have in memory it reads from the disk while the thread of the connection
    /// waits, two mebibytes at most before others have their turn; so it is with every server that uses
    /// `sendfile` without threads of its own. Where the disk is slow (a network's file system), wrap the body.
    ///
    /// A peer that is gone makes `sendfile` raise `SIGPIPE`, against which it has no flag. Rust programs ignore that
    /// signal; one that has given it its default action back would end there.
    ///
    /// Read outside of a tokio runtime it panics, as all of tokio's blocking work does.
    ///
    /// # Errors
    /// It is no regular file, or the range does not lie in it (`InvalidInput`); or the system does not
    /// tell how long it is.
    ///
    /// # Examples
    /// ```
    /// # fn parts(file: std::fs::File) -> std::io::Result<()> {
    /// use std::sync::Arc;
    /// use tenure::Body;
    ///
    /// let file = Arc::new(file);
    /// let whole = Body::from_file(Arc::clone(&file), ..)?;
    /// let first_kibibyte = Body::from_file(file, ..1024)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_file(file: impl Into<Arc<File>>, range: impl RangeBounds<u64>) -> io::Result<Self> {
        let part = FilePart::new(file.into(), &range)?;
        Ok(if part.len() == 0 { Self::empty() } else { Self::of(Content::File(Box::new(Reading::new(part)))) })
    }

    /// Any other body. It is read once and cannot be sent twice.
    pub fn stream<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let mut body = Some(body);
        if let Some(own) = (&mut body as &mut dyn Any).downcast_mut::<Option<Self>>() {
            return own.take().unwrap_or_default();
        }
        body.map_or_else(Self::empty, |body| Self::of(Content::Stream(Box::pin(Mapped(Box::pin(body))))))
    }

    /// Content that can be made again from its start, for instance by opening a file: a request
    /// with it may be repeated after the connection died under it.
    pub fn rewindable(make: impl Fn() -> Self + Send + Sync + 'static) -> Self {
        Self::of(Content::Rewindable { make: Arc::new(make), current: None })
    }

    pub(crate) const fn incoming(incoming: Incoming) -> Self {
        Self::of(Content::Incoming(incoming))
    }

    pub(crate) fn response(content: Box<dyn Receiving>) -> Self {
        Self::of(Content::Response(Response(Some(content))))
    }

    /// The content of a response, with what the client tells of it.
    pub(crate) fn told(self, timing: Timing) -> Self {
        Self { timing: Some(timing), ..self }
    }

    /// What the client tells of the response that this is the content of.
    pub(crate) const fn timing(&self) -> Option<&Timing> {
        self.timing.as_ref()
    }

    /// The part of a file that `body` is, if it is one that nobody has begun to read. Only of a body
    /// that is this type: of any other it cannot be known what it makes of the file's bytes.
    pub(crate) fn file_of<B: 'static>(body: &B) -> Option<FilePart> {
        match &(body as &dyn Any).downcast_ref::<Self>()?.content {
            Content::File(file) => file.rest().cloned(),
            _ => None,
        }
    }

    /// The same content from its start, if it can be had. To be asked before the body is read.
    pub(crate) fn replay(&self) -> Option<Self> {
        match &self.content {
            Content::Empty => Some(Self::empty()),
            Content::Whole(bytes) => Some(Self::of(Content::Whole(bytes.clone()))),
            Content::File(file) => Some(Self::of(Content::File(Box::new(Reading::new(file.rest()?.clone()))))),
            Content::Rewindable { make, .. } => {
                Some(Self::of(Content::Rewindable { make: Arc::clone(make), current: None }))
            }
            _ => None,
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.content {
            Content::Empty => "empty",
            Content::Whole(_) => "whole",
            Content::File(_) => "file",
            Content::Stream(_) => "stream",
            Content::Rewindable { .. } => "rewindable",
            Content::Incoming(_) => "incoming",
            Content::Response(_) => "response",
        };
        f.debug_tuple("Body").field(&kind).finish()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::empty() } else { Self::of(Content::Whole(bytes)) }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Error;

    #[inline]
    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match &mut self.content {
            Content::Empty => Poll::Ready(None),
            Content::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                self.content = Content::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Content::File(file) => {
                file.poll_frame(cx).map(|frame| frame.map(|read| read.map_err(|e| failed(e.into()))))
            }
            Content::Stream(body) => {
                body.as_mut().poll_frame(cx).map(|frame| frame.map(|result| result.map_err(failed)))
            }
            Content::Rewindable { make, current } => {
                let body = current.get_or_insert_with(|| Box::new(make()));
                Pin::new(&mut **body).poll_frame(cx)
            }
            Content::Incoming(incoming) => incoming.poll_frame(cx),
            Content::Response(content) => content.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Empty => true,
            Content::Whole(_) => false,
            Content::File(file) => file.len() == 0,
            Content::Stream(body) => body.is_end_stream(),
            Content::Rewindable { current, .. } => current.as_deref().is_some_and(HttpBody::is_end_stream),
            Content::Incoming(incoming) => incoming.is_end_stream(),
            Content::Response(content) => content.0.as_deref().is_none_or(HttpBody::is_end_stream),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Empty => SizeHint::with_exact(0),
            Content::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::File(file) => SizeHint::with_exact(file.len()),
            Content::Stream(body) => body.size_hint(),
            Content::Rewindable { make, current } => match current {
                Some(body) => body.size_hint(),
                None => make().size_hint(),
            },
            Content::Incoming(incoming) => incoming.size_hint(),
            Content::Response(content) => {
                content.0.as_deref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
            }
        }
    }
}

fn failed(error: BoxError) -> Error {
    Error::new(Kind::Content(error), Fate::Incomplete)
}

/// A body whose error is boxed.
struct Mapped<B>(Pin<Box<B>>);

impl<B> HttpBody for Mapped<B>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.0.as_mut().poll_frame(cx).map(|frame| frame.map(|result| result.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
