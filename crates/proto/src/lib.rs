//! HTTP/1.0 and HTTP/1.1 without I/O: bytes in, events out, both roles.
//!
//! A [`Connection`] knows what an HTTP connection may receive, what it may send, and when and why
//! it ends. It owns no socket, buffer, clock, task or thread. Its methods are of four kinds:
//!
//! - **receive**: [`receive`](Connection::receive) and [`receive_eof`](Connection::receive_eof)
//!   turn the peer's bytes into [`Event`]s that borrow from the input;
//! - **send**: `send_head`, `send_content`, `send_end` append to the caller's buffer, or say what
//!   to write around the caller's own bytes;
//! - **time**: [`deadline`](Connection::deadline) and [`expire`](Connection::expire); time is an argument;
//! - **questions**: [`directive`](Connection::directive) says what to do with the socket,
//!   [`persistence`](Connection::persistence) whether another exchange may follow.
//!
//! Call `receive` until it says [`Event::NeedInput`] or [`Event::Paused`]; act on each event;
//! flush what was queued before reading again; obey `directive` after each step.
//!
//! A server:
//! ```
//! use std::{sync::Arc, time::Instant};
//! use tenure_proto::{Config, Connection, Directive, Event, Server};
//!
//! let mut connection = Connection::<Server>::new(Arc::new(Config::default()));
//! let (mut input, mut out) = (&b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"[..], Vec::new());
//! while connection.directive() == Directive::Proceed {
//!     let (used, event) = connection.receive(input, Instant::now())?;
//!     input = &input[used..];
//!     match event {
//!         Event::Head(head) => assert_eq!(head.target, b"/"),
//!         Event::End(_) => {
//!             connection.send_head(http::StatusCode::OK, [], Some(2), &mut out)?;
//!             assert!(connection.send_content(2)?.before().is_empty());
//!             out.extend_from_slice(b"hi");
//!             connection.send_end([], &mut out)?;
//!         }
//!         other => panic!("{other:?}"),
//!     }
//! }
//! assert_eq!(out, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A client:
//! ```
//! use std::{sync::Arc, time::Instant};
//! use tenure_proto::{Config, Connection, Event, Client, RequestLine, Version};
//!
//! let mut connection = Connection::<Client>::new(Arc::new(Config::default()));
//! let mut out = Vec::new();
//! let line = RequestLine { method: "GET", target: "/", version: Version::Http11 };
//! connection.send_head(line, [(&b"host"[..], &b"a"[..])], Some(0), &mut out)?;
//! connection.send_end([], &mut out)?;
//! assert_eq!(out, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n");
//!
//! let input = b"HTTP/1.1 204 No Content\r\n\r\n";
//! let (used, event) = connection.receive(input, Instant::now())?;
//! assert!(matches!(event, Event::Head(head) if head.status == 204));
//! assert!(matches!(connection.receive(&input[used..], Instant::now())?, (0, Event::End(_))));
//! assert!(connection.is_idle());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod body;
mod config;
mod connection;
mod error;
mod event;
mod limits;
mod message;
mod role;
mod version;

pub use body::{Framing, FramingRule};
pub use config::{Config, Timeouts};
pub use connection::{
    Attempt, CloseReason, Connection, ConnectionOptions, Delimiters, Directive, Fate, FieldLine, MethodClass,
    Persistence, RequestLine, Timer, Verdict,
};
pub use error::{ErrorKind, MisuseError, ProtocolError};
pub use event::Event;
pub use limits::Limits;
pub use message::{Expectation, Field, FieldIter, Fields, KeepAlive, KnownFields, RequestHead, ResponseHead};
pub use role::{Client, Role, Server};
pub use version::Version;
