//! What a person sees: colour only where it helps.

use std::io::IsTerminal;

/// Whether to colour output for a stream: a terminal, and no `NO_COLOR` in the environment.
pub(crate) fn color(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}
