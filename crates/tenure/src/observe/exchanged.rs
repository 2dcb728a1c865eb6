//! One request with its response, as an observer sees it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderValue, StatusCode};
use tenure_proto::Version;

use super::{ConnectionInfo, Observer, Pipelined};
use crate::io::now;

/// A request and its response, over. Lengths are of content as it was framed, without chunk sizes.
#[derive(Clone, Debug)]
pub struct Exchanged<'a> {
    /// The connection, as it was when the request began; of its pipeline also how long that took.
    pub connection: ConnectionInfo,
    /// The request's method; empty if the request could not be read.
    pub method: &'a str,
    /// The request's target; empty if the request could not be read.
    pub target: &'a str,
    /// The request's version.
    pub version: Version,
    /// The request's `Referer`; always `None` in a client.
    pub referer: Option<&'a HeaderValue>,
    /// The request's `User-Agent`; always `None` in a client.
    pub user_agent: Option<&'a HeaderValue>,
    /// The final response's status, if its head was sent (server) or received (client).
    pub status: Option<StatusCode>,
    /// Bytes of the request's content that were received (server) or queued to be sent (client).
    pub request_content: u64,
    /// Bytes of the response's content that were queued to be sent (server) or received (client).
    pub response_content: u64,
    /// From the request's beginning to the head of its final response.
    pub head_after: Option<Duration>,
    /// From the request's beginning to the end of its response. In a server the last piece of the
    /// response may still be on its way to the socket then.
    pub took: Duration,
    /// Both messages are whole. A client that drops a response unread makes it incomplete too.
    pub is_complete: bool,
}

/// What a request says in its head.
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) version: Version,
    pub(crate) referer: Option<HeaderValue>,
    pub(crate) user_agent: Option<HeaderValue>,
}

impl Head {
    /// Of a request that could not be read.
    pub(crate) const UNREAD: Self = Self {
        method: String::new(),
        target: String::new(),
        version: Version::Http11,
        referer: None,
        user_agent: None,
    };
}

/// An exchange that somebody observes. Dropped before [`UnderWay::complete`]: it was cut.
pub(crate) struct UnderWay {
    observer: Arc<dyn Observer>,
    connection: ConnectionInfo,
    head: Head,
    began: Instant,
    status: Option<StatusCode>,
    head_after: Option<Duration>,
    request_content: u64,
    response_content: u64,
    is_complete: bool,
}

impl UnderWay {
    pub(crate) fn begin(observer: Arc<dyn Observer>, connection: ConnectionInfo, head: Head) -> Box<Self> {
        observer.began(&connection, &head.method);
        Box::new(Self {
            observer,
            connection,
            head,
            began: now(),
            status: None,
            head_after: None,
            request_content: 0,
            response_content: 0,
            is_complete: false,
        })
    }

    /// Its answer is next.
    pub(crate) const fn pipelined(&mut self, pipelined: Pipelined) {
        self.connection.pipelined = Some(pipelined);
    }

    /// The final response's head.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
        self.head_after = Some(now() - self.began);
    }

    pub(crate) const fn request_content(&mut self, len: usize) {
        self.request_content += len as u64;
    }

    pub(crate) const fn response_content(&mut self, len: usize) {
        self.response_content += len as u64;
    }

    pub(crate) fn complete(mut self: Box<Self>) {
        self.is_complete = true;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.observer.exchanged(&Exchanged {
            connection: self.connection.clone(),
            method: &self.head.method,
            target: &self.head.target,
            version: self.head.version,
            referer: self.head.referer.as_ref(),
            user_agent: self.head.user_agent.as_ref(),
            status: self.status,
            request_content: self.request_content,
            response_content: self.response_content,
            head_after: self.head_after,
            took: now() - self.began,
            is_complete: self.is_complete,
        });
    }
}
