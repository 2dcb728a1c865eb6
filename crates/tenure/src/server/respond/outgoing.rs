//! What is known of a response's content, and what of it came before its head was sent.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;

use super::file::OutgoingFile;
use crate::BoxError;
use crate::io::COPY;

/// A response's content on its way out.
#[derive(Default)]
pub(in crate::server) struct Outgoing {
    /// What came before the head was sent, the last of it first.
    pub(super) early: Vec<Bytes>,
    pub(super) early_len: usize,
    pub(super) ended: bool,
    /// What it is, if it is a part of a file that is sent without being read.
    pub(super) file: Option<OutgoingFile>,
    /// `None` as long as there are none.
    pub(super) trailers: Option<HeaderMap>,
    /// It cannot be completed.
    pub(super) cut: bool,
}

impl Outgoing {
    /// As new.
    #[inline]
    pub(in crate::server) fn clear(&mut self) {
        self.early.clear();
        (self.file, self.trailers) = (None, None);
        (self.early_len, self.ended, self.cut) = (0, false, false);
    }

    /// Collects what comes without waiting, up to the bound, which says what is small.
    pub(super) fn collect<B>(
        &mut self,
        mut body: Pin<&mut B>,
        bound: usize,
        cx: &mut Context<'_>,
    ) -> Result<(), BoxError>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        while self.early_len <= bound {
            match body.as_mut().poll_frame(cx) {
                Poll::Ready(None) => self.ended = true,
                Poll::Ready(Some(Err(error))) => return Err(error.into()),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => {
                        self.early_len += data.len();
                        self.early.push(data);
                        continue;
                    }
                    // Only the chunked coding can carry them: the length stays unknown.
                    Err(frame) => self.trailers = frame.into_trailers().ok(),
                },
                Poll::Pending => {}
            }
            break;
        }
        self.early.reverse();
        Ok(())
    }

    /// The length of the content, if all of it has come.
    pub(super) const fn length(&self) -> Option<u64> {
        if self.ended { Some(self.early_len as u64) } else { None }
    }

    /// The content, if all of it has come, in one small piece, and is as long as it was said to be.
    pub(super) fn whole(&self, length: Option<u64>) -> Option<&[u8]> {
        if self.length()? != length? || self.early_len > COPY {
            return None;
        }
        match &self.early[..] {
            [] => Some(&[]),
            [content] => Some(content),
            _ => None,
        }
    }
}
