//! Forms: the files in a POST of `multipart/form-data` (RFC 7578), as a browser or `curl -F` sends
//! them. Each becomes a file in the folder the form was posted to, under its own name, or a variant
//! of it if that is taken; other fields are read over. All appear after the whole content was
//! accepted, or none.
//!
//! `multer` parses. Left to itself it buffers whatever its source has ready, so the source here hands
//! out one piece and then steps back once, and gives up when no progress is made with what it gave.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use http::StatusCode;
use http::header::{HeaderMap, HeaderValue};
use http_body::{Body, Frame};
use multer::{Field, Multipart};

use super::answer::{Answer, Refusal, storing, text};
use super::digest::{Digester, Stated};
use super::path::check_name;
use super::store::{Destination, Naming, Sealed};
use super::upload::{Meter, RequestBody, Uploads, locate};
use super::writer::{Writer, refusing};

/// The most files one form may carry.
const FILES_MAX: usize = 10_000;
/// The most bytes before the first part, or of the head of one part.
const HEAD_MAX: usize = 64 * 1024;

/// The boundary, if the content is a form. Answers 400 if it is one without a usable boundary.
pub(super) fn boundary(content_type: Option<&HeaderValue>) -> Result<Option<String>, Refusal> {
    let Some(content_type) = content_type.and_then(|value| value.to_str().ok()) else {
        return Ok(None);
    };
    let essence = content_type.split(';').next().unwrap_or_default();
    if !essence.trim().eq_ignore_ascii_case("multipart/form-data") {
        return Ok(None);
    }
    multer::parse_boundary(content_type).map(Some).map_err(|error| malformed(&error))
}

/// Receives a form and stores its files in `folder`.
pub(super) async fn receive(
    uploads: &Uploads,
    folder: Destination,
    boundary: &str,
    fields: &HeaderMap,
    body: RequestBody,
) -> Result<Answer, Refusal> {
    let stated = Stated::of(fields)?;
    stated.require_known()?;
    let meter = uploads.meter(&body)?;
    let mut source = Source::new(body, meter, stated);
    let files = files(uploads, &folder, boundary, &mut source).await;
    // The source knows better than the parser why it ended.
    if let Some(refusal) = source.refusal.take() {
        return Err(refusal);
    }
    let files = files?;
    source.finish().await?;
    if files.is_empty() {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "nothing was stored: the form has no file in it"));
    }
    let store = uploads.store.clone();
    refusing(move || {
        let mut locations = Vec::with_capacity(files.len());
        for (sealed, to) in files {
            let stored = store.commit(sealed, &to);
            let stored = stored.map_err(|refusal| match locations.as_slice() {
                [] => refusal,
                before => refusal.and(&format!("stored before it: {}", before.join(", "))),
            })?;
            locations.push(stored.location);
        }
        Ok(answer(&locations, &folder))
    })
    .await
}

/// 201 with the place of the file, or of the folder if there are several.
fn answer(locations: &[String], folder: &Destination) -> Answer {
    let lines: Vec<String> = locations.iter().map(|at| format!("stored {at}")).collect();
    let mut answer = text(StatusCode::CREATED, &lines.join("\n"));
    match locations {
        [location] => locate(&mut answer, location),
        _ => locate(&mut answer, &folder.url.encoded()),
    }
    answer
}

async fn files(
    uploads: &Uploads,
    folder: &Destination,
    boundary: &str,
    source: &mut Source,
) -> Result<Vec<(Sealed, Destination)>, Refusal> {
    let mut files = Vec::new();
    let unused = source.unused.clone();
    let mut parts = Multipart::new(source, boundary);
    while let Some(mut part) = parts.next_field().await.map_err(|error| malformed(&error))? {
        unused.store(0, Ordering::Relaxed);
        let Some(name) = file_name(&part)? else {
            while next_chunk(&mut part, &unused).await?.is_some() {}
            continue;
        };
        if files.len() == FILES_MAX {
            return Err(Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("nothing was stored: a form may carry {FILES_MAX} files; send it in parts"),
            ));
        }
        let to = Destination { naming: Naming::Near(name), ..folder.clone() };
        files.push((file(uploads, &to, part, &unused).await?, to));
    }
    Ok(files)
}

/// Receives one file of the form under a hidden name.
async fn file(uploads: &Uploads, to: &Destination, part: Field<'_>, unused: &AtomicUsize) -> Result<Sealed, Refusal> {
    let (store, begun) = (uploads.store.clone(), to.clone());
    let begin = move || store.begin(&begun, Digester::default());
    let mut writer = Writer::new(refusing(begin).await?);
    let shown = to.shown();
    let failed = move |error| storing(&error, &shown);
    if let Err(refusal) = fill(&mut writer, part, unused, &failed).await {
        writer.discard().await;
        return Err(refusal);
    }
    let to = to.clone();
    writer.finish(failed, move |incoming| incoming.seal(&to)).await
}

async fn fill(
    writer: &mut Writer,
    mut part: Field<'_>,
    unused: &AtomicUsize,
    failed: impl Fn(io::Error) -> Refusal,
) -> Result<(), Refusal> {
    while let Some(chunk) = next_chunk(&mut part, unused).await? {
        writer.push(&chunk).await.map_err(&failed)?;
    }
    Ok(())
}

async fn next_chunk(part: &mut Field<'_>, unused: &AtomicUsize) -> Result<Option<Bytes>, Refusal> {
    let chunk = part.chunk().await.map_err(|error| malformed(&error))?;
    unused.store(0, Ordering::Relaxed);
    Ok(chunk)
}

/// The name of the file in this part; `None` if it carries none. Without the folders that some
/// browsers put before it (RFC 7578 section 4.2).
fn file_name(part: &Field<'_>) -> Result<Option<String>, Refusal> {
    let name = part.file_name().and_then(|name| name.rsplit(['/', '\\']).next()).filter(|name| !name.is_empty());
    let Some(name) = name else {
        return Ok(None);
    };
    check_name(name)
        .map_err(|why| Refusal::new(StatusCode::BAD_REQUEST, format!("nothing was stored: {why}: '{name}'")))?;
    Ok(Some(name.to_owned()))
}

fn malformed(error: &multer::Error) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, format!("nothing was stored: the form is malformed ({error})"))
}

type Received = Result<Frame<Bytes>, <RequestBody as Body>::Error>;

/// The content of the request as the parser takes it: counted, hashed, and one piece at a time.
struct Source {
    body: RequestBody,
    meter: Meter,
    stated: Stated,
    digester: Digester,
    /// Bytes handed out since the parser last gave something back.
    unused: Arc<AtomicUsize>,
    stepped_back: bool,
    refusal: Option<Refusal>,
}

impl Source {
    fn new(body: RequestBody, meter: Meter, stated: Stated) -> Self {
        // Without a known length trailers may follow, and a form cannot be read twice.
        let digester = match body.size_hint().exact() {
            Some(_) => Digester::for_stated(&stated),
            None => Digester::for_all(),
        };
        Self { body, meter, stated, digester, unused: Arc::default(), stepped_back: true, refusal: None }
    }

    /// Reads what follows the form, trailers included, and verifies the digests.
    async fn finish(mut self) -> Result<(), Refusal> {
        while let Some(piece) = std::future::poll_fn(|cx| self.poll_piece(cx)).await {
            piece?;
        }
        self.meter.ended()?;
        self.digester.verify(&self.stated)
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Refusal>>> {
        let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(cx)) else {
            return Poll::Ready(None);
        };
        Poll::Ready(Some(self.piece(frame)))
    }

    fn piece(&mut self, frame: Received) -> Result<Bytes, Refusal> {
        let frame = frame.map_err(|error| self.meter.broken(&*error))?;
        match frame.into_data() {
            Ok(data) => {
                self.meter.count(data.len())?;
                self.digester.update(&data);
                Ok(data)
            }
            Err(frame) => {
                let trailers = frame.into_trailers().unwrap_or_default();
                self.stated.extend(Stated::of(&trailers)?);
                Ok(Bytes::new())
            }
        }
    }
}

impl Stream for Source {
    type Item = Result<Bytes, &'static str>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if !std::mem::replace(&mut this.stepped_back, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if this.unused.load(Ordering::Relaxed) > HEAD_MAX {
            return Poll::Ready(Some(Err("no part begins or ends within 64 KiB")));
        }
        let Some(piece) = ready!(this.poll_piece(cx)) else {
            return Poll::Ready(None);
        };
        this.stepped_back = false;
        Poll::Ready(Some(match piece {
            Ok(piece) => {
                this.unused.fetch_add(piece.len(), Ordering::Relaxed);
                Ok(piece)
            }
            Err(refusal) => {
                this.refusal = Some(refusal);
                Err("the content could not be read")
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use http_body_util::{BodyExt, StreamBody};

    use super::*;

    /// The parser reads its source until that has nothing ready, and keeps it all.
    #[test]
    fn the_source_hands_out_one_piece_at_a_time() {
        let piece = |_| Ok(Frame::data(Bytes::from_static(b"piece")));
        let body = StreamBody::new(futures_util::stream::iter((0..3).map(piece))).boxed_unsync();
        let meter = Meter::new(&body, None).unwrap();
        let mut source = Source::new(body, meter, Stated::default());
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..3 {
            assert!(matches!(Pin::new(&mut source).poll_next(&mut cx), Poll::Ready(Some(Ok(_)))));
            assert!(Pin::new(&mut source).poll_next(&mut cx).is_pending());
        }
        assert!(matches!(Pin::new(&mut source).poll_next(&mut cx), Poll::Ready(None)));
    }
}
