//! The registry: every scenario once. A file is a way to misbehave.

mod early;
mod ending;
mod hint;
mod idle;
mod interim;
mod length;
mod options;
mod slow;
mod stray;
mod tls;
mod truncate;
mod version;

use crate::Scenario;

/// Every scenario, in the order of the page.
pub static ALL: &[&Scenario] = &[
    &ending::OK,
    &ending::LARGE,
    &idle::IDLE_CLOSE,
    &idle::IDLE_408,
    &ending::CLOSE_AFTER,
    &ending::UNREAD,
    &ending::DROP,
    &ending::HALF_CLOSE_PROCESS,
    &ending::DEAD,
    &ending::STALL,
    &hint::HINT_TIMEOUT,
    &hint::HINT_MAX,
    &early::EARLY_408,
    &early::EARLY_413,
    &interim::INTERIM,
    &slow::SLOW_HEAD,
    &slow::SLOW_BODY,
    &slow::PIECES,
    &truncate::TRUNCATE,
    &length::WRONG_LENGTH,
    &stray::STRAY,
    &version::HTTP10,
    &options::CONNECTION,
    &tls::TLS_CLOSE,
];

/// The scenario of that name.
pub(crate) fn find(name: &str) -> Option<&'static Scenario> {
    ALL.iter().find(|scenario| scenario.name == name).copied()
}

#[cfg(test)]
mod tests;
