//! The list of outstanding requests (RFC 9112 section 9.2): each response answers the oldest one.
//! A client's; a server has one at most (`keep_alive.rs`).

use std::collections::VecDeque;
use std::time::Duration;

use super::persistence::Persistence;
use crate::config::{Config, Timeouts};
use crate::role::sealed::State;
use crate::version::Version;

/// What a method means for framing and for a repeated attempt (RFC 9110 sections 9.2.2 and 9.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MethodClass {
    /// GET, and the other safe methods OPTIONS and TRACE.
    Safe,
    /// HEAD: its response has no content.
    Head,
    /// CONNECT: its 2xx response starts a tunnel.
    Connect,
    /// PUT and DELETE: may be repeated, but change something.
    Idempotent,
    /// POST, PATCH and every unknown method.
    Other,
}

impl MethodClass {
    /// The class of a method's name; compared with case.
    #[inline]
    pub const fn of(method: &[u8]) -> Self {
        match method {
            b"GET" | b"OPTIONS" | b"TRACE" => Self::Safe,
            b"HEAD" => Self::Head,
            b"CONNECT" => Self::Connect,
            b"PUT" | b"DELETE" => Self::Idempotent,
            _ => Self::Other,
        }
    }

    /// May be sent twice with the effect of once (RFC 9110 section 9.2.2).
    pub const fn is_idempotent(self) -> bool {
        matches!(self, Self::Safe | Self::Head | Self::Idempotent)
    }
}

/// What must be remembered of a request until its response is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Exchange {
    pub(crate) method: MethodClass,
    pub(crate) version: Version,
    pub(crate) persistence: Persistence,
    /// The client waits for 100 (Continue) and has not been told.
    pub(crate) expects_continue: bool,
    pub(crate) upgrade: bool,
    pub(crate) interim: u8,
}

/// Oldest first. Invariant: without a front there are no later ones. One request at a time, which is
/// what most connections carry, allocates nothing.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Outstanding {
    front: Option<Exchange>,
    later: VecDeque<Exchange>,
}

impl Outstanding {
    /// A limit of 0 still lets one request through.
    pub(crate) fn is_full(&self, limit: u8) -> bool {
        self.len() >= usize::from(limit.max(1))
    }
}

impl State for Outstanding {
    fn new(_: &Config) -> Self {
        Self { front: None, later: VecDeque::new() }
    }

    fn len(&self) -> usize {
        usize::from(self.front.is_some()) + self.later.len()
    }

    /// The caller has asked [`Outstanding::is_full`].
    fn push(&mut self, exchange: Exchange) {
        match self.front {
            None => self.front = Some(exchange),
            Some(_) => self.later.push_back(exchange),
        }
    }

    fn pop(&mut self) {
        self.front = self.later.pop_front();
    }

    fn front(&self) -> Option<&Exchange> {
        self.front.as_ref()
    }

    fn front_mut(&mut self) -> Option<&mut Exchange> {
        self.front.as_mut()
    }

    /// A client waits for nothing between requests: its pool decides how long it keeps them.
    fn idle_limit(&self, _: &Timeouts) -> Option<Duration> {
        None
    }
}
