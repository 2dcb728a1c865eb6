//! The two roles of a connection, and every difference between them that is not a method of one.

use std::convert::Infallible;
use std::fmt::Debug;

use crate::message::{RequestHead, ResponseHead};

#[expect(private_interfaces, unnameable_types, reason = "sealed on purpose: only this crate calls it")]
mod sealed {
    use crate::connection::Connection;
    use crate::event::Event;
    use crate::message::Fault;
    use crate::message::head::Parsed;

    /// What only this crate may ask of a role.
    pub trait Sealed: Sized {
        /// A whole head has come.
        fn accept_head<'b>(connection: &mut Connection<Self>, parsed: Parsed<'b>) -> Result<Event<'b, Self>, Fault>
        where
            Self: super::Role;
    }

    impl Sealed for super::Server {
        fn accept_head<'b>(connection: &mut Connection<Self>, parsed: Parsed<'b>) -> Result<Event<'b, Self>, Fault> {
            connection.accept_request(parsed)
        }
    }

    impl Sealed for super::Client {
        fn accept_head<'b>(connection: &mut Connection<Self>, parsed: Parsed<'b>) -> Result<Event<'b, Self>, Fault> {
            connection.accept_response(parsed)
        }
    }
}

/// Which side of the connection this program is. [`Server`] or [`Client`].
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
