//! Which of a name's addresses: whichever answers first (RFC 8305, Happy Eyeballs). A dead address
//! costs a quarter of a second, not its time-out, and nothing while it is remembered as dead.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::sys::lacks_descriptors;

/// RFC 8305 section 5: how long an attempt has before the next one is begun beside it.
const STAGGER: Duration = Duration::from_millis(250);

/// What came of a race.
pub(super) struct Raced<T> {
    /// The first connection, or what the last attempt said when all had failed.
    pub(super) won: io::Result<(SocketAddr, T)>,
    /// Who failed, or had not answered after its head start.
    pub(super) dead: Vec<SocketAddr>,
}

/// The first connection to any of the addresses, tried in this order; attempts that come too late
/// are given up.
pub(super) async fn race<F, C, T>(addresses: Vec<SocketAddr>, connect: F) -> Raced<T>
where
    F: Fn(SocketAddr) -> C,
    C: Future<Output = io::Result<T>> + Send + 'static,
    T: Send + 'static,
{
    let mut addresses = addresses.into_iter();
    let mut attempts = JoinSet::new();
    let mut under_way: Vec<(SocketAddr, Instant)> = Vec::new();
    let mut dead = Vec::new();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    loop {
        if let Some(address) = addresses.next() {
            let attempt = connect(address);
            under_way.push((address, Instant::now()));
            attempts.spawn(async move { (address, attempt.await) });
        }
        let done = tokio::select! {
            biased;
            done = attempts.join_next() => done,
            () = tokio::time::sleep(STAGGER), if addresses.len() > 0 => continue,
        };
        match done {
            None => return Raced { won: Err(last), dead },
            Some(Ok((address, Ok(connected)))) => {
                let late = |(_, begun): &&(_, Instant)| begun.elapsed() >= STAGGER;
                let others = under_way.iter().filter(|(other, _)| *other != address);
                dead.extend(others.filter(late).map(|(other, _)| *other));
                return Raced { won: Ok((address, connected)), dead };
            }
            // No address can be reached then, whichever it is.
            Some(Ok((_, Err(error)))) if lacks_descriptors(&error) => return Raced { won: Err(error), dead },
            Some(Ok((address, Err(error)))) => {
                under_way.retain(|(other, _)| *other != address);
                dead.push(address);
                last = io::Error::new(error.kind(), format!("{address}: {error}"));
            }
            Some(Err(error)) => last = io::Error::other(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::time::sleep;

    use super::*;

    /// What an address does: connects or fails after so many milliseconds.
    type Plan = &'static [(&'static str, Result<u64, u64>)];

    /// Who wins, when, and at what times the attempts began.
    async fn run(plan: Plan) -> (Result<String, String>, u128, Vec<(String, u128)>) {
        let (result, took, begun, _) = race_by(plan).await;
        (result, took, begun)
    }

    /// The same, and who is dead.
    async fn race_by(plan: Plan) -> (Result<String, String>, u128, Vec<(String, u128)>, Vec<String>) {
        let (start, begun) = (Instant::now(), Arc::new(Mutex::new(Vec::new())));
        let connect = |address: SocketAddr| {
            let what = plan.iter().find(|(name, _)| name.parse() == Ok(address)).map(|(_, what)| *what);
            begun.lock().unwrap().push((address.to_string(), start.elapsed().as_millis()));
            async move {
                match what.unwrap() {
                    Ok(after) => sleep(Duration::from_millis(after)).await,
                    Err(after) => {
                        sleep(Duration::from_millis(after)).await;
                        return Err(io::ErrorKind::ConnectionRefused.into());
                    }
                }
                Ok(())
            }
        };
        let raced = race(plan.iter().map(|(name, _)| name.parse().unwrap()).collect(), connect).await;
        let result = raced.won.map(|(address, ())| address.to_string()).map_err(|e| e.to_string());
        let (begun, dead) = (begun.lock().unwrap().clone(), raced.dead.iter().map(ToString::to_string).collect());
        (result, start.elapsed().as_millis(), begun, dead)
    }

    #[tokio::test(start_paused = true)]
    async fn a_quick_address_is_the_only_one_tried() {
        let (result, took, begun) = run(&[("[::1]:1", Ok(10)), ("1.1.1.1:1", Ok(1))]).await;
        assert_eq!((result, took, begun.len()), (Ok("[::1]:1".into()), 10, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_address_costs_a_quarter_of_a_second() {
        let (result, took, begun) = run(&[("[::1]:1", Err(30_000)), ("1.1.1.1:1", Ok(5))]).await;
        assert_eq!((result, took), (Ok("1.1.1.1:1".into()), 255));
        assert_eq!(begun[1].1, 250);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_costs_nothing() {
        let (result, took, _) = run(&[("[::1]:1", Err(1)), ("1.1.1.1:1", Ok(5))]).await;
        assert_eq!((result, took), (Ok("1.1.1.1:1".into()), 6));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_first_one_may_still_win() {
        let (result, took, _) = run(&[("[::1]:1", Ok(300)), ("1.1.1.1:1", Ok(900))]).await;
        assert_eq!((result, took), (Ok("[::1]:1".into()), 300));
    }

    #[tokio::test(start_paused = true)]
    async fn they_are_tried_in_order() {
        let plan: Plan = &[("[::1]:1", Err(1)), ("1.1.1.1:1", Err(1)), ("[::2]:1", Err(1)), ("[::3]:1", Err(9))];
        let (result, took, begun) = run(plan).await;
        let order: Vec<&str> = begun.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(order, ["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"]);
        assert_eq!((result, took), (Err("[::3]:1: connection refused".into()), 12));
    }

    #[tokio::test(start_paused = true)]
    async fn who_refused_or_did_not_use_its_head_start_is_dead() {
        let plan: Plan = &[("[::1]:1", Err(9_000)), ("[::2]:1", Err(1)), ("[::3]:1", Err(300)), ("[::4]:1", Ok(5))];
        let (result, took, _, dead) = race_by(plan).await;
        assert_eq!((result, took), (Ok("[::4]:1".into()), 506));
        assert_eq!(dead, ["[::2]:1", "[::1]:1", "[::3]:1"], "one had 505 ms, one 255 ms");
    }

    #[tokio::test(start_paused = true)]
    async fn who_lost_in_spite_of_its_head_start_is_as_good_as_dead() {
        let (result, _, _, dead) = race_by(&[("[::1]:1", Ok(300)), ("[::2]:1", Ok(30))]).await;
        assert_eq!((result, dead), (Ok("[::2]:1".into()), vec!["[::1]:1".to_owned()]));
        let (result, _, _, dead) = race_by(&[("[::1]:1", Ok(270)), ("[::2]:1", Ok(30))]).await;
        assert_eq!((result, dead), (Ok("[::1]:1".into()), vec![]), "the other had no time to answer");
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_without_addresses_is_an_error() {
        assert_eq!(run(&[]).await.0, Err("the name has no address".into()));
    }
}
