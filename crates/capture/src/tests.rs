//! Captures made in code, packet by packet.

mod build;
mod endings;
mod fates;
mod files;
mod lossy;
mod messages;
mod streams;
