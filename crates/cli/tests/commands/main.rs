//! The built program `tenure`, driven as a user does, against servers of every kind.

mod get;
mod send;
mod support;
