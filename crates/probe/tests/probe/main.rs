//! The experiments against servers in memory, whose manners are known.

mod experiments;
mod failures;
mod memory;
