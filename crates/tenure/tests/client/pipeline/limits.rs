//! The pool's limits hold for pipelined connections too: age and number of requests, and the time
//! that a request waits for its turn.

use std::time::Duration;

use tenure::Fate;
use tokio::time::advance;

use super::*;

#[test]
fn a_pipelined_connection_carries_so_many_requests() {
    run(async {
        let builder = pipelining(8).connections_per_origin(1).max_requests(Some(3));
        let (stage, mut peer) = Stage::new(builder).await.into_shown().await;
        let mut gets = reading(stage.gets(0..5)).into_iter();
        peer.expect(["GET /0", "GET /1"]).await;
        peer.send(ok("0") + &ok("1")).await;
        peer.end().await;
        let mut fresh = stage.script.accept().await;
        fresh.expect(["GET /2", "GET /3", "GET /4"]).await;
        fresh.send(ok("2") + &ok("3") + &ok("4")).await;
        for n in 0..5 {
            assert_eq!(gets.next().unwrap().await.unwrap(), format!("200 {n}"));
        }
        stage.story.until("closed 1 request-limit").await;
        assert!(stage.repeated().is_empty());
    });
}

#[test]
fn a_pipelined_connection_grows_only_so_old() {
    run_paused(async {
        let (stage, mut peer) = Stage::shown(8).await;
        let first = stage.get("/0");
        peer.expect(["GET /0"]).await;
        advance(Duration::from_secs(600)).await;
        let second = stage.get("/1");
        peer.nothing_more("GET /0").await;
        peer.send(ok("0")).await;
        assert_eq!(whole(first).await, "200 0");
        let mut fresh = stage.script.accept().await;
        fresh.expect(["GET /1"]).await;
        fresh.send(ok("1")).await;
        assert_eq!(whole(second).await, "200 1");
        stage.story.until("closed 1 age").await;
    });
}

/// As long as others get their turns, a request waits on; then no longer than it may.
#[test]
fn a_request_waits_for_its_turn_only_so_long() {
    run_paused(async {
        let builder = pipelining(2).connections_per_origin(1).acquire_timeout(Some(Duration::from_secs(5)));
        let (stage, mut peer) = Stage::new(builder).await.into_shown().await;
        let mut gets = stage.gets(0..4).into_iter();
        peer.expect(["GET /0", "GET /1"]).await;
        advance(Duration::from_secs(3)).await;
        peer.send(ok("0")).await;
        assert_eq!(whole(gets.next().unwrap()).await, "200 0");
        peer.expect(["GET /2"]).await;
        let last = gets.next_back().unwrap();
        for (seconds, waits) in [(3, true), (3, false)] {
            advance(Duration::from_secs(seconds)).await;
            settle().await;
            assert_eq!(!last.is_finished(), waits);
        }
        let error = last.await.unwrap().unwrap_err();
        assert!(error.is_timeout() && error.fate() == Fate::NotSent, "{error}");
        assert!(error.to_string().contains("within 5s: 1 are open, 1 requests wait"), "{error}");
        // Those that were sent wait for their answers as long as these take.
        advance(Duration::from_secs(60)).await;
        peer.send(ok("1") + &ok("2")).await;
        for (n, get) in gets.enumerate() {
            assert_eq!(whole(get).await, format!("200 {}", n + 1));
        }
        peer.nothing_more("that").await;
    });
}
