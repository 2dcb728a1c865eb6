//! Parked under TLS: what wakes a connection, and what it loses by sleeping: nothing.

use std::time::Duration;

use tenure::CloseReason;
use tokio::time::advance;

use super::*;

const MS: Duration = Duration::from_millis(1);
const IDLE: Duration = Duration::from_secs(75);

/// Waits until the connections have no tasks.
async fn park() {
    settle().await;
    advance(Duration::from_secs(1) + MS).await;
    all_parked().await;
}

#[test]
fn a_quiet_connection_sleeps_and_is_answered_again_in_the_same_session() {
    run_paused(async {
        let place = Place::new();
        let served = serve_with(place.server(), facts).await;
        let mut peer = connect(served.address, &place.trusting).await;
        for request in 1..=3 {
            assert_eq!(peer.ask(GET).await.text(), format!("1 {request} Tls13 - localhost full"));
            park().await;
        }
        assert_eq!((served.log.now().opened, served.log.now().closed.len()), (1, 0));
    });
}

#[test]
fn a_key_update_wakes_it_and_it_sleeps_again_under_the_old_deadline() {
    run_paused(async {
        let place = Place::new();
        let served = serve_with(place.server(), facts).await;
        let mut peer = connect(served.address, &place.trusting).await;
        peer.ask(GET).await;
        park().await;
        advance(IDLE - Duration::from_secs(20)).await;
        peer.stream.get_mut().1.refresh_traffic_keys().unwrap();
        tokio::io::AsyncWriteExt::flush(&mut peer.stream).await.unwrap();
        while connection_tasks() == 0 {
            tokio::task::yield_now().await;
        }
        park().await;
        assert_eq!(served.log.now().closed, []);
        advance(Duration::from_secs(20)).await;
        assert_eq!(served.log.closed(1).await, [CloseReason::Idle], "no later than without the update");
        peer.end().await;
    });
}

#[test]
fn keys_of_both_directions_survive_an_update_while_parked() {
    run_paused(async {
        let place = Place::new();
        let served = serve_with(place.server(), facts).await;
        let mut peer = connect(served.address, &place.trusting).await;
        peer.ask(GET).await;
        park().await;
        peer.stream.get_mut().1.refresh_traffic_keys().unwrap();
        assert!(peer.ask(GET).await.text().starts_with("1 2 "));
        park().await;
        assert!(peer.ask(GET).await.text().starts_with("1 3 "));
    });
}

#[test]
fn part_of_a_record_is_not_quiet() {
    run_paused(async {
        let place = Place::new();
        let served = serve_with(place.server(), facts).await;
        let mut peer = connect(served.address, &place.trusting).await;
        peer.ask(GET).await;
        // A request's record, in two halves.
        let (tcp, session) = peer.stream.get_mut();
        std::io::Write::write_all(&mut session.writer(), GET.as_bytes()).unwrap();
        let mut record = Vec::new();
        session.write_tls(&mut record).unwrap();
        let (head, tail) = record.split_at(record.len() / 2);
        tokio::io::AsyncWriteExt::write_all(tcp, head).await.unwrap();
        // The kernel has it, and the server's task had its turns.
        settle().await;
        advance(Duration::from_secs(2)).await;
        settle().await;
        assert_eq!(connection_tasks(), 1);
        tokio::io::AsyncWriteExt::write_all(peer.stream.get_mut().0, tail).await.unwrap();
        assert!(peer.response().await.text().starts_with("1 2 "));
        park().await;
    });
}
