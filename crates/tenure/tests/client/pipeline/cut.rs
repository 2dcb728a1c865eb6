//! Connections that end before all of their requests are answered.

use super::*;

/// Four requests; two are answered before the connection ends, and the others asked for again.
async fn cut(fate: &str, end: impl AsyncFnOnce(Peer)) {
    let (stage, mut peer) = Stage::shown(8).await;
    let gets = reading(stage.gets(0..4));
    peer.expect(["GET /0", "GET /1", "GET /2", "GET /3"]).await;
    peer.send(ok("0") + &ok("1")).await;
    end(peer).await;
    // Each alone, and each on a connection of its own.
    for n in 2..4 {
        let mut fresh = stage.script.accept().await;
        fresh.expect([format!("GET /{n}").as_str()]).await;
        fresh.send(ok(&n.to_string())).await;
        if n == 3 {
            tokio::spawn(fresh.echo());
        }
    }
    assert_eq!(all(gets).await, ["200 0", "200 1", "200 2", "200 3"]);
    assert_eq!(stage.repeated(), [fate, "unknown"]);
    // The server is remembered: one at a time from here on.
    let gets = stage.gets(4..7);
    for (n, get) in gets.into_iter().enumerate() {
        let info = facts(get).await;
        assert_eq!(info.pipelined, None, "{n}");
    }
}

#[test]
fn by_a_fin() {
    run(cut("unknown", async |mut peer| peer.fin().await));
}

#[test]
fn by_a_reset() {
    run(cut("unknown", async |peer| peer.reset()));
}

#[test]
fn by_an_answer_that_is_none() {
    run(cut("answered-in-part", async |mut peer| peer.send("no status line\r\n\r\n").await));
}

#[test]
fn in_the_midst_of_a_head() {
    run(cut("answered-in-part", async |mut peer| {
        peer.send("HTTP/1.1 200 OK\r\nContent-").await;
        peer.fin().await;
    }));
}

#[test]
fn content_behind_an_answer_to_head() {
    run(async {
        let (stage, mut peer) = Stage::shown(8).await;
        let (head, get) = (stage.ask(Method::HEAD, "/0"), stage.get("/1"));
        peer.expect(["HEAD /0", "GET /1"]).await;
        peer.send(ok("content") + &ok("1")).await;
        let mut fresh = stage.script.accept().await;
        fresh.expect(["GET /1"]).await;
        fresh.send(ok("1")).await;
        assert_eq!((whole(head).await, whole(get).await), ("200 ".into(), "200 1".into()));
        tokio::spawn(fresh.echo());
        for get in stage.gets(0..3) {
            assert_eq!(facts(get).await.pipelined, None);
        }
    });
}

#[test]
fn an_answer_cut_within_its_content_is_an_error_and_only_that_one() {
    run(async {
        let (stage, mut peer) = Stage::shown(8).await;
        let gets = stage.gets(0..3);
        peer.expect(["GET /0", "GET /1", "GET /2"]).await;
        peer.send(ok("0") + "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
        peer.fin().await;
        let mut fresh = stage.script.accept().await;
        fresh.expect(["GET /2"]).await;
        fresh.send(ok("2")).await;
        let mut gets = gets.into_iter();
        assert_eq!(whole(gets.next().unwrap()).await, "200 0");
        let error = read(gets.next().unwrap().await.unwrap()).await.unwrap_err();
        assert!(error.is_incomplete(), "{error}");
        assert_eq!(whole(gets.next().unwrap()).await, "200 2");
    });
}

#[test]
fn those_behind_an_answer_with_close_go_on_elsewhere_before_it_has_ended() {
    run(async {
        let stage = Stage::new(pipelining(4).connections_per_origin(2)).await;
        let mut peer = stage.show().await;
        let mut gets = stage.gets(0..2).into_iter();
        peer.expect(["GET /0", "GET /1"]).await;
        peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nha").await;
        let first = gets.next().unwrap().await.unwrap();
        let mut fresh = stage.script.accept().await;
        fresh.expect(["GET /1"]).await;
        fresh.send(ok("1")).await;
        assert_eq!(whole(gets.next().unwrap()).await, "200 1");
        peer.send("lf").await;
        assert_eq!(read(first).await.unwrap(), (200, "half".into()));
    });
}

#[test]
fn what_a_close_left_unanswered_is_asked_for_again_and_then_pipelined_again() {
    run(async {
        let (stage, mut peer) = Stage::shown(2).await;
        let mut gets = stage.gets(0..5).into_iter();
        peer.expect(["GET /0", "GET /1"]).await;
        peer.send(ok("0") + &ok("1")).await;
        peer.expect(["GET /2", "GET /3"]).await;
        peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nha").await;
        for n in 0..2 {
            assert_eq!(whole(gets.next().unwrap()).await, format!("200 {n}"));
        }
        let third = gets.next().unwrap().await.unwrap();
        peer.send("lf").await;
        assert_eq!(read(third).await.unwrap(), (200, "half".into()));
        // RFC 9112 section 9.3.2: not pipelined right after the connection was made.
        let mut fresh = stage.script.accept().await;
        fresh.expect(["GET /3"]).await;
        fresh.send(ok("3")).await;
        fresh.expect(["GET /4"]).await;
        fresh.send(ok("4")).await;
        for n in 3..5 {
            assert_eq!(whole(gets.next().unwrap()).await, format!("200 {n}"));
        }
        // It was announced, and the pipeline had been of use: nothing is held against the server.
        assert_eq!(stage.repeated(), ["refused"]);
        let gets = stage.gets(5..7);
        fresh.expect(["GET /5", "GET /6"]).await;
        fresh.send(ok("5") + &ok("6")).await;
        for (n, get) in gets.into_iter().enumerate() {
            assert_eq!(whole(get).await, format!("200 {}", n + 5));
        }
    });
}

#[test]
fn a_server_that_closes_after_each_answer_gives_every_answer_all_the_same() {
    run(async {
        let (stage, mut peer) = Stage::shown(8).await;
        let gets = stage.gets(0..6);
        peer.expect(["GET /0", "GET /1", "GET /2", "GET /3", "GET /4", "GET /5"]).await;
        for n in 0..6 {
            peer.send(format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n{n}")).await;
            if n < 5 {
                peer = stage.script.accept().await;
                peer.expect([format!("GET /{}", n + 1).as_str()]).await;
            }
        }
        for (n, get) in gets.into_iter().enumerate() {
            assert_eq!(whole(get).await, format!("200 {n}"));
        }
    });
}

#[test]
fn an_answer_that_only_the_close_ends() {
    run(async {
        let (stage, mut peer) = Stage::shown(8).await;
        let gets = stage.gets(0..2);
        peer.expect(["GET /0", "GET /1"]).await;
        peer.send("HTTP/1.1 200 OK\r\n\r\nhow long?").await;
        peer.fin().await;
        let mut fresh = stage.script.accept().await;
        fresh.expect(["GET /1"]).await;
        fresh.send(ok("1")).await;
        let mut gets = gets.into_iter();
        assert_eq!(whole(gets.next().unwrap()).await, "200 how long?");
        assert_eq!(whole(gets.next().unwrap()).await, "200 1");
        assert_eq!(stage.repeated(), ["unknown"]);
    });
}

#[test]
fn an_answer_to_nothing_is_no_answer_and_is_remembered() {
    run(async {
        let (stage, mut peer) = Stage::shown(8).await;
        let gets = stage.gets(0..2);
        peer.expect(["GET /0", "GET /1"]).await;
        peer.send(ok("0") + &ok("1") + &ok("stray")).await;
        for (n, get) in gets.into_iter().enumerate() {
            assert_eq!(whole(get).await, format!("200 {n}"));
        }
        stage.story.until("closed 1 unsolicited").await;
        let gets = stage.gets(2..4);
        tokio::spawn(stage.script.accept().await.echo());
        for get in gets {
            assert_eq!(facts(get).await.pipelined, None);
        }
    });
}

/// A request that brings the server down must not bring down others, who were only beside it, twice.
#[test]
fn a_request_that_kills_its_connection_fails_alone() {
    run(async {
        let (stage, mut peer) = Stage::shown(8).await;
        let gets = stage.gets(0..5);
        peer.expect(["GET /0", "GET /1", "GET /2", "GET /3", "GET /4"]).await;
        peer.send(ok("0")).await;
        drop(peer);
        let mut failed = Vec::new();
        let script = stage.script;
        tokio::spawn(async move {
            loop {
                let mut peer = script.accept().await;
                let request = peer.request().await;
                if path(&request) != "2" {
                    peer.send(ok(path(&request))).await;
                }
            }
        });
        let gets = gets.into_iter().map(|get| tokio::spawn(async move { read(get.await.unwrap()).await }));
        for (n, get) in gets.collect::<Vec<_>>().into_iter().enumerate() {
            match get.await.unwrap() {
                Ok((_, content)) => assert_eq!(content, n.to_string()),
                Err(error) => failed.push((n, error.fate())),
            }
        }
        assert_eq!(failed, [(2, tenure::Fate::Unknown)]);
    });
}

#[test]
fn the_race_with_an_idle_timeout_is_not_held_against_the_server() {
    run_paused(async {
        let (stage, mut peer) = Stage::shown(8).await;
        settle().await;
        tokio::time::advance(std::time::Duration::from_secs(20)).await;
        let gets = reading(stage.gets(0..3));
        peer.expect(["GET /0", "GET /1", "GET /2"]).await;
        drop(peer);
        let mut last = None;
        for n in 0..3 {
            let mut fresh = stage.script.accept().await;
            fresh.expect([format!("GET /{n}").as_str()]).await;
            fresh.send(ok(&n.to_string())).await;
            last = Some(fresh);
        }
        assert_eq!(all(gets).await, ["200 0", "200 1", "200 2"]);
        let gets = stage.gets(3..5);
        let mut peer = last.unwrap();
        peer.expect(["GET /3", "GET /4"]).await;
        peer.send(ok("3") + &ok("4")).await;
        for (n, get) in gets.into_iter().enumerate() {
            assert_eq!(whole(get).await, format!("200 {}", n + 3));
        }
    });
}
