//! What `send` and `get` tell of their connections: counted by [`Tally`], gathered by [`Reporter`],
//! shown as a table for people or as lines of JSON for programs.

mod columns;
pub(crate) mod html;
mod item;
mod json;
mod out;
mod reporter;
mod summary;
mod table;
mod tally;
pub(crate) mod units;

pub(crate) use item::{Failure, Item, Outcome};
pub(crate) use out::{Out, Paint, Stream, say};
pub(crate) use reporter::{Manner, Reporter};
pub(crate) use summary::Summary;
pub(crate) use table::Words;
pub(crate) use tally::Tally;
