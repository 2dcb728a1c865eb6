//! Which of a name's addresses: whichever answers first (RFC 8305, Happy Eyeballs). A dead address
//! costs a quarter of a second, not its time-out.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;

/// RFC 8305 section 5: how long an attempt has before the next one is begun beside it.
const STAGGER: Duration = Duration::from_millis(250);

/// The first connection to any of the addresses; attempts that come too late are given up.
///
/// # Errors
/// All have failed; this is what the last one said.
pub(super) async fn race<F, C, T>(addresses: impl IntoIterator<Item = SocketAddr>, connect: F) -> io::Result<T>
where
    F: Fn(SocketAddr) -> C,
    C: Future<Output = io::Result<T>> + Send + 'static,
    T: Send + 'static,
{
    let mut addresses = alternate(addresses);
    let mut attempts = JoinSet::new();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    loop {
        if let Some(address) = addresses.pop_front() {
            let attempt = connect(address);
            attempts
                .spawn(async move { attempt.await.map_err(|e| io::Error::new(e.kind(), format!("{address}: {e}"))) });
        }
        tokio::select! {
            biased;
            done = attempts.join_next() => match done {
                None => return Err(last),
                Some(Ok(Ok(connected))) => return Ok(connected),
                Some(Ok(Err(error))) => last = error,
                Some(Err(error)) => last = io::Error::other(error),
            },
            () = tokio::time::sleep(STAGGER), if !addresses.is_empty() => {}
        }
    }
}

/// RFC 8305 section 4: the resolver's order, but the families in turn.
fn alternate(addresses: impl IntoIterator<Item = SocketAddr>) -> VecDeque<SocketAddr> {
    let mut addresses = addresses.into_iter().peekable();
    let first_is_v6 = addresses.peek().is_some_and(SocketAddr::is_ipv6);
    let (mut first, mut second): (VecDeque<_>, VecDeque<_>) =
        addresses.partition(|address| address.is_ipv6() == first_is_v6);
    let mut ordered = VecDeque::with_capacity(first.len() + second.len());
    while !first.is_empty() || !second.is_empty() {
        ordered.extend(first.pop_front());
        ordered.extend(second.pop_front());
    }
    ordered
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::time::{Instant, sleep};

    use super::*;

    /// What an address does: connects or fails after so many milliseconds.
    type Plan = &'static [(&'static str, Result<u64, u64>)];

    /// Who wins, when, and at what times the attempts began.
    async fn run(plan: Plan) -> (Result<String, String>, u128, Vec<(String, u128)>) {
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
                Ok(address.to_string())
            }
        };
        let result = race(plan.iter().map(|(name, _)| name.parse().unwrap()), connect).await;
        let begun = begun.lock().unwrap().clone();
        (result.map_err(|e| e.to_string()), start.elapsed().as_millis(), begun)
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
    async fn the_families_take_turns() {
        let plan: Plan = &[("[::1]:1", Err(1)), ("[::2]:1", Err(1)), ("1.1.1.1:1", Err(1)), ("[::3]:1", Err(9))];
        let (result, took, begun) = run(plan).await;
        let order: Vec<&str> = begun.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(order, ["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"]);
        assert_eq!((result, took), (Err("[::3]:1: connection refused".into()), 12));
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_without_addresses_is_an_error() {
        assert_eq!(run(&[]).await.0, Err("the name has no address".into()));
    }
}
