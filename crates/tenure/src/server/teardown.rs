//! The end of a connection (RFC 9112 section 9.6): flush, close our side, read on for a bounded
//! time and amount, close. A reset must not overtake the last response.

use std::future::poll_fn;
use std::task::{Poll, ready};

use tenure_proto::{CloseReason, Directive};

use super::drive::{Drive, Ended};
use super::stream::Stream;
use crate::io::now;

/// Bytes read and thrown away after the last response, at most.
const LINGER_BYTES: u64 = 64 * 1024 * 1024;

impl<S: Stream> Drive<S> {
    /// Obeys the directive until the connection is closed.
    pub(super) async fn tear_down(&mut self) -> Ended {
        loop {
            let step = match self.connection.directive() {
                Directive::HalfClose(_) => self.half_close().await,
                Directive::Linger(why) => self.linger(why).await,
                Directive::Close(why) => {
                    return match self.flush_last().await {
                        Ok(()) => Ended(why),
                        Err(ended) => ended,
                    };
                }
                Directive::Proceed | Directive::HandOver => return Ended(CloseReason::HandedOver),
            };
            if let Err(ended) = step {
                return ended;
            }
        }
    }

    /// All that is to be sent; from here on the connection may end cleanly.
    async fn flush_last(&mut self) -> Result<(), Ended> {
        poll_fn(|cx| self.poll_flush(cx)).await?;
        if std::mem::take(&mut self.resets) {
            self.transport.stream_mut().reset_on_close(false);
        }
        Ok(())
    }

    async fn half_close(&mut self) -> Result<(), Ended> {
        self.flush_last().await?;
        let why = self.connection.directive().reason().unwrap_or(CloseReason::Transport);
        poll_fn(|cx| self.transport.poll_half_close(cx)).await.map_err(|_| Ended(why))?;
        self.connection.half_closed(now());
        Ok(())
    }

    async fn linger(&mut self, why: CloseReason) -> Result<(), Ended> {
        let start = self.connection.received();
        while matches!(self.connection.directive(), Directive::Linger(_)) {
            poll_fn(|cx| {
                if let Poll::Ready(read) = self.transport.poll_fill(true, cx) {
                    return Poll::Ready(read.map_err(|_| Ended(why)).map(Some));
                }
                let at = self.connection.deadline().map(|(_, at)| at);
                ready!(self.deadline.poll(at, cx));
                Poll::Ready(Ok(None))
            })
            .await
            .map(|read| match read {
                Some(0) => drop(self.connection.receive_eof()),
                Some(_) => drop(super::request::content_step(&mut self.connection, &mut self.transport, now())),
                None => drop(self.connection.expire(now())),
            })?;
            if self.connection.received() - start > LINGER_BYTES {
                return Err(Ended(why));
            }
        }
        Ok(())
    }
}
