//! The two roles of a connection, and every difference between them that is not a method of one.

use std::convert::Infallible;
use std::fmt::Debug;

use crate::message::{RequestHead, ResponseHead};

pub(crate) mod sealed {
    use std::fmt::Debug;
    use std::time::Duration;

    use crate::config::{Config, Timeouts};
    use crate::connection::{Connection, Exchange, Kept, Outstanding};
    use crate::error::ProtocolError;
    use crate::event::Event;
    use crate::message::head::Whole;

    /// What only this crate may ask of a role.
    pub(crate) trait Sealed: Sized {
        /// What a connection remembers in this role.
        type State: State;

        /// A whole head has come, behind so many bytes of empty lines.
        fn accept_head<'b>(
            connection: &mut Connection<Self>,
            whole: Whole,
            input: &'b [u8],
            skipped: usize,
        ) -> Result<(usize, Event<'b, Self>), ProtocolError>
        where
            Self: super::Role;
    }

    /// The requests whose responses are not complete, oldest first, and what only one role knows.
    pub(crate) trait State: Clone + Debug {
        fn new(config: &Config) -> Self;
        fn len(&self) -> usize;
        fn push(&mut self, exchange: Exchange);
        fn pop(&mut self);
        fn front(&self) -> Option<&Exchange>;
        fn front_mut(&mut self) -> Option<&mut Exchange>;
        /// How long the connection is kept between requests.
        fn idle_limit(&self, timeouts: &Timeouts) -> Option<Duration>;

        fn is_empty(&self) -> bool {
            self.len() == 0
        }
    }

    impl Sealed for super::Server {
        type State = Kept;

        #[inline]
        fn accept_head<'b>(
            connection: &mut Connection<Self>,
            whole: Whole,
            input: &'b [u8],
            skipped: usize,
        ) -> Result<(usize, Event<'b, Self>), ProtocolError> {
            connection.accept_request(whole, input, skipped)
        }
    }

    impl Sealed for super::Client {
        type State = Outstanding;

        fn accept_head<'b>(
            connection: &mut Connection<Self>,
            whole: Whole,
            input: &'b [u8],
            _: usize,
        ) -> Result<(usize, Event<'b, Self>), ProtocolError> {
            connection.accept_response(whole, input)
        }
    }
}

/// Which side of the connection this program is. [`Server`] or [`Client`].
#[expect(private_bounds, reason = "sealed on purpose: only this crate asks for more")]
pub trait Role: sealed::Sealed + Sized + Clone + PartialEq + Debug + 'static {
    /// The head this role receives.
    type Head<'b>: Clone + PartialEq + Debug;
    /// The interim response this role receives.
    type Interim<'b>: Clone + PartialEq + Debug;
    /// True for [`Server`]. Strictness differs: a request's ambiguity is an attack, a response's
    /// is mended where RFC 9112 says how.
    const IS_SERVER: bool;
}

/// Receives requests, sends responses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Server {}

/// Sends requests, receives responses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Client {}

impl Role for Server {
    type Head<'b> = RequestHead<'b>;
    type Interim<'b> = Infallible;
    const IS_SERVER: bool = true;
}

impl Role for Client {
    type Head<'b> = ResponseHead<'b>;
    type Interim<'b> = ResponseHead<'b>;
    const IS_SERVER: bool = false;
}
