//! What is remembered of addresses: new connections take turns with those of a name, and one that
//! did not answer is asked last for a while. Pure.
//!
//! The families keep the order of the resolver (RFC 8305 section 4, RFC 6724); within a family the
//! one that was used longest ago is first, so that the load is spread and no address is kept for ever.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long an address that did not answer comes last.
const BAD: Duration = Duration::from_secs(30);
/// How long a use is remembered.
const USED: Duration = Duration::from_secs(3600);
/// Above so many addresses the old ones are looked for.
const MANY: usize = 1024;

/// The addresses that connections were made to.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    known: HashMap<SocketAddr, Past>,
    uses: u64,
}

#[derive(Clone, Copy, Debug)]
struct Past {
    /// Counted: the greatest is the latest.
    used: u64,
    failed: Option<Instant>,
    at: Instant,
}

impl Addresses {
    /// The order in which a name's addresses are to be tried. The first counts as used: others that
    /// are about to connect take the next.
    pub(super) fn order(&mut self, resolved: Vec<SocketAddr>, now: Instant) -> Vec<SocketAddr> {
        let Some(v6_first) = resolved.first().map(SocketAddr::is_ipv6) else { return resolved };
        let is_bad = |address: &SocketAddr| self.known.get(address).is_some_and(|past| past.is_bad(now));
        let (mut bad, mut good): (Vec<_>, Vec<_>) = resolved.into_iter().partition(is_bad);
        let last_use = |address: &SocketAddr| self.known.get(address).map_or(0, |past| past.used);
        good.sort_by_key(last_use);
        bad.sort_by_key(last_use);
        let ordered: Vec<_> = alternate(good, v6_first).into_iter().chain(alternate(bad, v6_first)).collect();
        if let Some(first) = ordered.first() {
            self.uses += 1;
            let failed = self.known.get(first).and_then(|past| past.failed);
            self.note(*first, Past { used: self.uses, failed, at: now });
        }
        ordered
    }

    /// A connection was made to this one.
    pub(super) fn connected(&mut self, address: SocketAddr, now: Instant) {
        self.uses += 1;
        self.note(address, Past { used: self.uses, failed: None, at: now });
    }

    /// This one refused, or did not answer while another did.
    pub(super) fn failed(&mut self, address: SocketAddr, now: Instant) {
        let used = self.known.get(&address).map_or(0, |past| past.used);
        self.note(address, Past { used, failed: Some(now), at: now });
    }

    fn note(&mut self, address: SocketAddr, past: Past) {
        if self.known.len() >= MANY {
            self.known.retain(|_, known| past.at.saturating_duration_since(known.at) < USED);
        }
        self.known.insert(address, past);
    }
}

impl Past {
    fn is_bad(&self, now: Instant) -> bool {
        self.failed.is_some_and(|at| now.saturating_duration_since(at) < BAD)
    }
}

/// RFC 8305 section 4: the families in turn.
fn alternate(addresses: Vec<SocketAddr>, v6_first: bool) -> Vec<SocketAddr> {
    let (mut first, mut second): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == v6_first);
    let mut ordered = Vec::with_capacity(first.len() + second.len());
    while !first.is_empty() || !second.is_empty() {
        ordered.extend(first.pop_front());
        ordered.extend(second.pop_front());
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<SocketAddr> {
        text.split_whitespace().map(|address| address.parse().unwrap()).collect()
    }

    fn text(addresses: &[SocketAddr]) -> String {
        addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_families_take_turns_in_the_resolvers_order() {
        let mut addresses = Addresses::default();
        let ordered = addresses.order(list("[::1]:1 [::2]:1 [::3]:1 1.1.1.1:1"), Instant::now());
        assert_eq!(text(&ordered), "[::1]:1 1.1.1.1:1 [::2]:1 [::3]:1");
        let ordered = addresses.order(list("1.1.1.1:1 1.1.1.2:1 [::1]:1"), Instant::now());
        assert_eq!(text(&ordered), "1.1.1.1:1 [::1]:1 1.1.1.2:1");
        assert_eq!(addresses.order(vec![], Instant::now()), []);
    }

    #[test]
    fn new_connections_take_turns_with_the_addresses() {
        let (mut addresses, now) = (Addresses::default(), Instant::now());
        let all = list("1.1.1.1:1 1.1.1.2:1 1.1.1.3:1");
        let mut used = Vec::new();
        for _ in 0..6 {
            // Whether the ones before have been made by now or not.
            used.push(addresses.order(all.clone(), now)[0]);
        }
        assert_eq!(used, [&all[..], &all[..]].concat());
    }

    #[test]
    fn turns_stay_within_a_family() {
        let (mut addresses, now) = (Addresses::default(), Instant::now());
        addresses.connected("[::1]:1".parse().unwrap(), now);
        assert_eq!(text(&addresses.order(list("[::1]:1 1.1.1.1:1"), now)), "[::1]:1 1.1.1.1:1");
    }

    #[test]
    fn one_that_did_not_answer_comes_last_for_a_while() {
        let (mut addresses, now) = (Addresses::default(), Instant::now());
        let all = list("[::1]:1 [::2]:1 1.1.1.1:1");
        addresses.failed(all[0], now);
        assert_eq!(text(&addresses.order(all.clone(), now)), "[::2]:1 1.1.1.1:1 [::1]:1");
        addresses.failed(all[1], now);
        assert_eq!(text(&addresses.order(all.clone(), now)), "1.1.1.1:1 [::1]:1 [::2]:1");
        assert_eq!(text(&addresses.order(all.clone(), now + BAD)), "[::1]:1 1.1.1.1:1 [::2]:1");
        addresses.connected(all[1], now);
        assert_eq!(addresses.order(all.clone(), now)[0], all[1], "it answers again");
    }

    #[test]
    fn old_addresses_are_forgotten() {
        let (mut addresses, now) = (Addresses::default(), Instant::now());
        for port in 0..MANY as u16 {
            addresses.connected(SocketAddr::from(([1, 1, 1, 1], port)), now);
        }
        assert_eq!(addresses.known.len(), MANY);
        addresses.connected(SocketAddr::from(([1, 1, 1, 2], 1)), now + USED);
        assert_eq!(addresses.known.len(), 1);
    }
}
