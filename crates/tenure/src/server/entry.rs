//! The entry of a connection: whether it is let in, who it stands for, and what it counts for.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// What stays of the entry for as long as the connection lives, parked or not.
#[derive(Default)]
pub(super) struct Entry {
    /// Its place among the connections of its address, where those are counted.
    pub(super) place: Option<Arc<Place>>,
    /// Whose connection it is, where it came through a proxy that said so.
    pub(super) proxied: Option<Box<Ends>>,
}

/// The two ends of the connection that a proxy stands for.
#[derive(Clone, Copy)]
pub(super) struct Ends {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
}

impl Entry {
    /// The connection with this id is parked in this slot.
    pub(super) fn parked_in(&self, id: u64, slot: u32) {
        if let Some(place) = &self.place {
            place.parked().push_back((id, slot));
        }
    }

    /// The connection with this id is parked no longer.
    pub(super) fn left(&self, id: u64) {
        if let Some(place) = &self.place {
            place.parked().retain(|(parked, _)| *parked != id);
        }
    }
}

/// An address's place among all: each connection from it holds one reference, so that however a
/// connection ends, it is counted no longer.
pub(super) struct Place {
    /// The ids and slots of its parked connections, the longest idle first. At most as many as the limit.
    parked: Mutex<VecDeque<(u64, u32)>>,
}

impl Place {
    /// The slot of the longest idle connection among those that are the asking acceptor's own.
    pub(super) fn longest_idle(&self, is_own: impl Fn(u64) -> bool) -> Option<u32> {
        self.parked().iter().find(|(id, _)| is_own(*id)).map(|(_, slot)| *slot)
    }

    fn parked(&self) -> MutexGuard<'_, VecDeque<(u64, u32)>> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many connections each address has.
pub(super) struct Addresses {
    limit: usize,
    places: Mutex<Places>,
}

struct Places {
    of: HashMap<IpAddr, Weak<Place>>,
    /// At so many addresses, those that have left are swept out.
    sweep_at: usize,
}

/// Below this many addresses nothing is swept.
const FEW: usize = 1024;

impl Addresses {
    /// At most `limit` connections an address.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), places: Mutex::new(Places { of: HashMap::new(), sweep_at: FEW }) }
    }

    /// One more connection of the address.
    ///
    /// # Errors
    /// It has as many as it may have already: its place.
    pub(super) fn enter(&self, address: IpAddr) -> Result<Arc<Place>, Arc<Place>> {
        let address = address.to_canonical();
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = places.of.get(&address) {
            let open = known.strong_count();
            if let Some(place) = known.upgrade() {
                return if open < self.limit { Ok(place) } else { Err(place) };
            }
        }
        let place = Arc::new(Place { parked: Mutex::default() });
        places.of.insert(address, Arc::downgrade(&place));
        if places.of.len() >= places.sweep_at {
            places.of.retain(|_, place| place.strong_count() > 0);
            places.sweep_at = FEW.max(2 * places.of.len());
        }
        Ok(place)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn as_many_as_the_limit_and_one_more_for_each_that_ends() {
        let addresses = Addresses::new(2);
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let first = addresses.enter(ip("192.0.2.1")).ok().unwrap();
        let _second = addresses.enter(ip("::ffff:192.0.2.1")).ok().unwrap();
        assert!(addresses.enter(ip("192.0.2.1")).is_err(), "an IPv4 address written as IPv6 is the same");
        assert!(addresses.enter(ip("::ffff:192.0.2.1")).is_err(), "a refusal counts nothing");
        assert!(addresses.enter(ip("192.0.2.2")).is_ok());
        drop(first);
        assert!(addresses.enter(ip("192.0.2.1")).is_ok());
    }

    #[test]
    fn addresses_that_have_left_are_forgotten() {
        let addresses = Addresses::new(1);
        let _stays = addresses.enter(Ipv4Addr::LOCALHOST.into());
        for n in 0..100_000_u32 {
            assert!(addresses.enter(Ipv4Addr::from_bits(n).into()).is_ok());
        }
        let places = addresses.places.lock().unwrap();
        assert!(places.of.len() <= FEW, "{}", places.of.len());
        assert!(places.of.contains_key(&IpAddr::from(Ipv4Addr::LOCALHOST)));
    }

    #[test]
    fn the_longest_idle_comes_first() {
        let addresses = Addresses::new(3);
        let entry = || Entry { place: addresses.enter(Ipv4Addr::LOCALHOST.into()).ok(), proxied: None };
        let (a, b) = (entry(), entry());
        let first = |entry: &Entry| entry.place.as_ref().unwrap().longest_idle(|_| true);
        a.parked_in(1, 7);
        b.parked_in(2, 3);
        assert_eq!(first(&a), Some(7));
        assert_eq!(a.place.as_ref().unwrap().longest_idle(|id| id == 2), Some(3), "of another acceptor's");
        a.left(1);
        assert_eq!(first(&a), Some(3));
        a.parked_in(1, 7);
        assert_eq!(first(&a), Some(3));
        b.left(2);
        a.left(1);
        assert_eq!(first(&b), None);
    }
}
