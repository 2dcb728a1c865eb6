//! Callers that go away or do not read, and servers that do not answer: what that costs the others.

use std::time::Duration;

use http_body_util::BodyExt;
use tokio::time::advance;

use super::*;

/// Content that no lane holds for a caller who does not read it.
const LARGE: usize = 1_000_000;

#[test]
fn a_caller_that_goes_away_before_its_answer_costs_the_others_nothing() {
    run(async {
        let (stage, mut peer) = Stage::shown(8).await;
        let mut gets = stage.gets(0..4);
        peer.expect(["GET /0", "GET /1", "GET /2", "GET /3"]).await;
        let gone = gets.remove(1);
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        peer.send(ok("0") + &ok("1") + &ok("2") + &ok("3")).await;
        for (get, n) in gets.into_iter().zip([0, 2, 3]) {
            assert_eq!(whole(get).await, format!("200 {n}"));
        }
        let again = stage.get("/4");
        peer.expect(["GET /4"]).await;
        peer.send(ok("4")).await;
        assert_eq!(whole(again).await, "200 4", "the connection lives");
    });
}

#[test]
fn a_request_that_is_dropped_before_its_turn_is_never_sent() {
    run(async {
        let (stage, mut peer) = Stage::shown(2).await;
        let mut gets = stage.gets(0..4);
        peer.expect(["GET /0", "GET /1"]).await;
        let gone = gets.remove(2);
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        peer.send(ok("0")).await;
        peer.expect(["GET /3"]).await;
        peer.send(ok("1") + &ok("3")).await;
        for (get, n) in gets.into_iter().zip([0, 1, 3]) {
            assert_eq!(whole(get).await, format!("200 {n}"));
        }
    });
}

#[test]
fn a_response_that_is_dropped_is_read_to_its_end_for_the_others() {
    run(async {
        let (stage, mut peer) = Stage::shown(8).await;
        let mut gets = stage.gets(0..3).into_iter();
        peer.expect(["GET /0", "GET /1", "GET /2"]).await;
        peer.send(ok(&"x".repeat(50_000)) + &ok("1") + &ok("2")).await;
        drop(gets.next().unwrap().await.unwrap().unwrap());
        for (n, get) in gets.enumerate() {
            assert_eq!(whole(get).await, format!("200 {}", n + 1));
        }
        assert!(stage.script.is_quiet());
    });
}

#[test]
fn what_nobody_wants_is_read_only_so_far() {
    run(async {
        let (stage, mut peer) = Stage::shown(8).await;
        let mut gets = stage.gets(0..2).into_iter();
        peer.expect(["GET /0", "GET /1"]).await;
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", LARGE * 100)).await;
        drop(gets.next().unwrap().await.unwrap().unwrap());
        let endless = tokio::spawn(async move {
            use tokio::io::AsyncWriteExt;
            while peer.stream.write_all(&[b'x'; 65_536]).await.is_ok() {}
        });
        let mut fresh = stage.script.accept().await;
        fresh.expect(["GET /1"]).await;
        fresh.send(ok("1")).await;
        assert_eq!(whole(gets.next().unwrap()).await, "200 1");
        endless.await.unwrap();
        assert_eq!(stage.repeated(), ["unknown"]);
        stage.story.until("closed 1 abandoned").await;
    });
}

#[test]
fn what_nobody_wants_is_awaited_only_so_long() {
    run_paused(async {
        let (stage, mut peer) = Stage::shown(8).await;
        let mut gets = stage.gets(0..2).into_iter();
        peer.expect(["GET /0", "GET /1"]).await;
        let gone = gets.next().unwrap();
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        settle().await;
        advance(Duration::from_millis(249)).await;
        settle().await;
        assert!(stage.script.is_quiet());
        advance(Duration::from_millis(2)).await;
        let mut fresh = stage.script.accept().await;
        fresh.expect(["GET /1"]).await;
        fresh.send(ok("1")).await;
        assert_eq!(whole(gets.next().unwrap()).await, "200 1");
        stage.story.until("closed 1 abandoned").await;
    });
}

#[test]
fn small_responses_that_nobody_reads_hold_up_nobody() {
    run(async {
        let (stage, mut peer) = Stage::shown(8).await;
        let mut gets = stage.gets(0..4).into_iter();
        peer.expect(["GET /0", "GET /1", "GET /2", "GET /3"]).await;
        let small = "x".repeat(60_000);
        peer.send(ok(&small) + &ok(&small) + &ok(&small) + &ok("3")).await;
        let mut unread = Vec::new();
        for get in gets.by_ref().take(3) {
            unread.push(get.await.unwrap());
        }
        assert_eq!(whole(gets.next().unwrap()).await, "200 3");
        for response in unread {
            assert_eq!(read(response).await.unwrap().1.len(), 60_000);
        }
    });
}

#[test]
fn a_caller_that_does_not_read_holds_up_the_others_for_a_second() {
    run_paused(async {
        let (stage, mut peer) = Stage::new(pipelining(8).connections_per_origin(2)).await.into_shown().await;
        let mut gets = stage.gets(0..3).into_iter();
        peer.expect(["GET /0", "GET /1", "GET /2"]).await;
        let sending = tokio::spawn(async move {
            peer.send(ok(&"x".repeat(LARGE))).await;
            peer
        });
        let unread = gets.next().unwrap().await.unwrap().unwrap();
        // So much has come that the lane reads no further: then the second begins.
        let mut fresh = loop {
            advance(Duration::from_millis(100)).await;
            tokio::select! {
                biased;
                fresh = stage.script.accept() => break fresh,
                () = settle() => {}
            }
        };
        for n in 1..3 {
            assert_eq!(path(&fresh.request().await), n.to_string(), "alone, each on a connection of its own");
            fresh.send(ok(&n.to_string())).await;
            assert_eq!(whole(gets.next().unwrap()).await, format!("200 {n}"));
            if n == 1 {
                fresh = stage.script.accept().await;
            }
        }
        // And the slow one gets all of its own.
        assert_eq!(read(Ok(unread)).await.unwrap().1.len(), LARGE);
        drop(sending.await.unwrap());
        stage.story.until("closed 1 head-of-line").await;
        assert_eq!(stage.repeated(), ["unknown"; 2]);
        // That was no fault of the server's.
        let gets = stage.gets(3..5);
        fresh.expect(["GET /3", "GET /4"]).await;
        fresh.send(ok("3") + &ok("4")).await;
        for (n, get) in gets.into_iter().enumerate() {
            assert_eq!(whole(get).await, format!("200 {}", n + 3));
        }
    });
}

#[test]
fn a_slow_reader_gets_its_content_as_it_reads() {
    run(async {
        let (stage, mut peer) = Stage::shown(8).await;
        let mut gets = stage.gets(0..2).into_iter();
        peer.expect(["GET /0", "GET /1"]).await;
        let sending = tokio::spawn(async move { peer.send(ok(&"x".repeat(LARGE)) + &ok("1")).await });
        let mut body = gets.next().unwrap().await.unwrap().unwrap().into_body();
        assert_eq!(http_body::Body::size_hint(&body).exact(), Some(LARGE as u64));
        let mut read = 0;
        while let Some(frame) = body.frame().await {
            read += frame.unwrap().into_data().unwrap().len();
            settle().await;
        }
        assert_eq!(read, LARGE);
        assert_eq!(whole(gets.next().unwrap()).await, "200 1");
        sending.await.unwrap();
    });
}

#[test]
fn a_server_that_does_not_answer_fails_one_and_the_others_are_asked_for_again() {
    run_paused(async {
        let timeout = Duration::from_secs(5);
        let builder = pipelining(8).connections_per_origin(1).response_timeout(timeout);
        let (stage, mut peer) = Stage::new(builder).await.into_shown().await;
        let mut gets = stage.gets(0..3).into_iter();
        peer.expect(["GET /0", "GET /1", "GET /2"]).await;
        advance(Duration::from_secs(4)).await;
        peer.send(ok("0")).await;
        assert_eq!(whole(gets.next().unwrap()).await, "200 0");
        // The time of the second begins where the first has ended.
        advance(Duration::from_secs(4)).await;
        settle().await;
        assert!(stage.script.is_quiet());
        advance(Duration::from_secs(2)).await;
        let mut fresh = stage.script.accept().await;
        let error = gets.next().unwrap().await.unwrap().unwrap_err();
        assert!(error.is_timeout(), "{error}");
        fresh.expect(["GET /2"]).await;
        fresh.send(ok("2")).await;
        assert_eq!(whole(gets.next().unwrap()).await, "200 2");
    });
}

#[test]
fn a_request_has_its_time_also_behind_others() {
    run_paused(async {
        let builder = pipelining(2).connections_per_origin(1).request_timeout(Duration::from_secs(5));
        let (stage, mut peer) = Stage::new(builder).await.into_shown().await;
        let first = stage.get("/0");
        peer.expect(["GET /0"]).await;
        advance(Duration::from_secs(1)).await;
        let others = stage.gets(1..3);
        peer.expect(["GET /1"]).await;
        advance(Duration::from_secs(3)).await;
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n").await;
        let first = first.await.unwrap().unwrap();
        advance(Duration::from_secs(3)).await;
        let mut fates = Vec::new();
        for other in others {
            let error = other.await.unwrap().unwrap_err();
            assert!(error.is_timeout(), "{error}");
            fates.push(error.fate());
        }
        assert_eq!(fates, [tenure::Fate::Unknown, tenure::Fate::NotSent]);
        peer.send("0").await;
        assert_eq!(read(Ok(first)).await.unwrap(), (200, "0".into()), "and nobody else suffers");
    });
}
