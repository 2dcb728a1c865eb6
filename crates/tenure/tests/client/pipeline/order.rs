//! Which requests go out together, in which order, and whose answers they get.

use http::Method;

use super::*;

#[test]
fn each_request_gets_its_own_answer() {
    run(async {
        let (stage, mut peer) = Stage::shown(8).await;
        let gets = stage.gets(0..5);
        peer.expect(["GET /0", "GET /1", "GET /2", "GET /3", "GET /4"]).await;
        peer.send((0..5).map(|n| ok(&n.to_string())).collect::<String>()).await;
        for (n, get) in gets.into_iter().enumerate() {
            assert_eq!(whole(get).await, format!("200 {n}"));
        }
        assert!(stage.script.is_quiet());
    });
}

#[test]
fn requests_that_are_made_together_are_written_together() {
    run(async {
        let log = Log::new();
        let stage = Stage::new(pipelining(100).connections_per_origin(1).observer(Arc::clone(&log) as _)).await;
        let mut peer = stage.show().await;
        let writes = log.now().writes;
        let gets = stage.gets(0..50);
        for n in 0..50 {
            assert_eq!(path(&peer.request().await), n.to_string());
            peer.send(ok("x")).await;
        }
        for get in gets {
            assert_eq!(whole(get).await, "200 x");
        }
        assert_eq!(log.now().writes, writes + 1);
    });
}

#[test]
fn no_more_than_the_depth_are_outstanding() {
    run(async {
        let (stage, mut peer) = Stage::shown(2).await;
        let gets = stage.gets(0..4);
        peer.expect(["GET /0", "GET /1"]).await;
        peer.send(ok("0")).await;
        peer.expect(["GET /2"]).await;
        peer.send(ok("1") + &ok("2")).await;
        peer.expect(["GET /3"]).await;
        peer.send(ok("3")).await;
        for (n, get) in gets.into_iter().enumerate() {
            assert_eq!(whole(get).await, format!("200 {n}"));
        }
    });
}

#[test]
fn an_unknown_origin_is_asked_one_at_a_time_until_it_has_answered() {
    run(async {
        let stage = Stage::new(pipelining(8).connections_per_origin(1)).await;
        let gets = stage.gets(0..4);
        let mut peer = stage.script.accept().await;
        peer.expect(["GET /0"]).await;
        peer.send(ok("0")).await;
        peer.expect(["GET /1", "GET /2", "GET /3"]).await;
        peer.send(ok("1") + &ok("2") + &ok("3")).await;
        for (n, get) in gets.into_iter().enumerate() {
            assert_eq!(whole(get).await, format!("200 {n}"));
        }
    });
}

#[test]
fn a_server_of_http10_is_not_pipelined_to() {
    run(async {
        let stage = Stage::new(pipelining(8).connections_per_origin(1)).await;
        let gets = stage.gets(0..3);
        let mut peer = stage.script.accept().await;
        for n in 0..3 {
            peer.expect([format!("GET /{n}").as_str()]).await;
            peer.send(format!("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n{n}")).await;
        }
        for (n, get) in gets.into_iter().enumerate() {
            assert_eq!(whole(get).await, format!("200 {n}"));
        }
    });
}

#[test]
fn answers_of_every_framing_are_told_apart() {
    run(async {
        let (stage, mut peer) = Stage::shown(16).await;
        let mut asked = vec![stage.get("/0"), stage.ask(Method::HEAD, "/1"), stage.get("/2")];
        asked.extend(stage.gets(3..7));
        peer.expect(["GET /0", "HEAD /1", "GET /2", "GET /3", "GET /4", "GET /5", "GET /6"]).await;
        peer.send(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n\
             HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n\
             HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n\
             HTTP/1.1 204 No Content\r\n\r\n\
             HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n\
             HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi\
             HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n\
             HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast",
        )
        .await;
        let mut got = Vec::new();
        for response in asked {
            got.push(whole(response).await);
        }
        assert_eq!(got, ["200 abcde", "200 ", "304 ", "204 ", "200 hi", "404 ", "200 last"]);
        let more = stage.get("/more");
        peer.expect(["GET /more"]).await;
        peer.send(ok("more")).await;
        assert_eq!(whole(more).await, "200 more", "and the connection lives on");
    });
}

#[test]
fn a_post_has_a_connection_of_its_own_before_and_behind() {
    run(async {
        let (stage, mut peer) = Stage::shown(8).await;
        let before = stage.gets(0..2);
        peer.expect(["GET /0", "GET /1"]).await;
        let post = stage.ask(Method::POST, "/post");
        settle().await;
        let behind = stage.gets(2..4);
        let asked = reading(before.into_iter().chain([post]).chain(behind));
        peer.expect([]).await;
        peer.send(ok("0") + &ok("1")).await;
        peer.expect(["POST /post"]).await;
        peer.send(ok("post")).await;
        peer.expect(["GET /2", "GET /3"]).await;
        peer.send(ok("2") + &ok("3")).await;
        assert_eq!(all(asked).await, ["200 0", "200 1", "200 post", "200 2", "200 3"]);
    });
}

#[test]
fn only_requests_that_may_be_lost_stand_in_a_pipeline() {
    run(async {
        let (stage, mut peer) = Stage::shown(8).await;
        let first = stage.get("/0");
        peer.expect(["GET /0"]).await;
        let (client, url) = (&stage.client, stage.script.url("/1"));
        let with_key = http::Request::post(&url).header("idempotency-key", "\"1\"").body(Body::empty()).unwrap();
        let close = http::Request::get(&url).header("connection", "close").body(Body::empty()).unwrap();
        let old = http::Request::get(&url).version(http::Version::HTTP_10).body(Body::empty()).unwrap();
        let with_content = request(Method::PUT, &url, "content");
        let mut alone = Vec::new();
        for request in [with_key, old, with_content, close] {
            let client = client.clone();
            alone.push(tokio::spawn(async move { client.request(request).await }));
        }
        let alone = reading(alone);
        peer.expect([]).await;
        peer.send(ok("0")).await;
        assert_eq!(whole(first).await, "200 0");
        for (start, answer) in [
            ("POST /1 HTTP/1.1", ok("1")),
            ("GET /1 HTTP/1.0", "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n1".into()),
            ("PUT /1 HTTP/1.1", ok("1")),
            ("GET /1 HTTP/1.1", ok("1")),
        ] {
            assert_eq!(peer.request().await.start, start);
            peer.nothing_more(start).await;
            peer.send(answer).await;
        }
        assert_eq!(all(alone).await, ["200 1"; 4]);
    });
}

#[test]
fn delete_and_put_without_content_may() {
    run(async {
        let (stage, mut peer) = Stage::shown(8).await;
        let all = [stage.ask(Method::DELETE, "/0"), stage.ask(Method::PUT, "/1"), stage.ask(Method::OPTIONS, "/2")];
        peer.expect(["DELETE /0", "PUT /1", "OPTIONS /2"]).await;
        peer.send(ok("0") + &ok("1") + &ok("2")).await;
        for (n, response) in all.into_iter().enumerate() {
            assert_eq!(whole(response).await, format!("200 {n}"));
        }
    });
}

#[test]
fn full_lanes_open_others_up_to_the_limit_of_connections() {
    run(async {
        let stage = Stage::new(pipelining(2).connections_per_origin(2)).await;
        let mut first = stage.show().await;
        let gets = stage.gets(0..5);
        first.expect(["GET /0", "GET /1"]).await;
        let mut second = stage.script.accept().await;
        second.expect(["GET /2", "GET /3"]).await;
        second.send(ok("2")).await;
        second.expect(["GET /4"]).await;
        second.send(ok("3") + &ok("4")).await;
        first.send(ok("0") + &ok("1")).await;
        for (n, get) in gets.into_iter().enumerate() {
            assert_eq!(whole(get).await, format!("200 {n}"));
        }
        assert!(stage.script.is_quiet());
    });
}

#[test]
fn a_server_that_counts_its_requests_is_never_sent_too_many() {
    run(async {
        let (stage, mut peer) = Stage::shown(8).await;
        let first = stage.get("/0");
        peer.expect(["GET /0"]).await;
        let gets = stage.gets(1..5);
        peer.expect(["GET /1", "GET /2", "GET /3", "GET /4"]).await;
        let late = stage.get("/5");
        peer.expect(["GET /5"]).await;
        let later = stage.gets(6..8);
        peer.expect(["GET /6", "GET /7"]).await;
        let last = stage.get("/8");
        // Eight are outstanding, so the ninth waits. Then the server says that it takes seven more.
        peer.send("HTTP/1.1 200 OK\r\nKeep-Alive: max=7\r\nContent-Length: 1\r\n\r\n0").await;
        assert_eq!(whole(first).await, "200 0");
        peer.expect([]).await;
        for n in 1..8 {
            let max = 7 - n;
            peer.send(format!("HTTP/1.1 200 OK\r\nKeep-Alive: max={max}\r\nContent-Length: 1\r\n\r\n{n}")).await;
        }
        for (n, get) in gets.into_iter().chain([late]).chain(later).enumerate() {
            assert_eq!(whole(get).await, format!("200 {}", n + 1));
        }
        let mut fresh = stage.script.accept().await;
        fresh.expect(["GET /8"]).await;
        fresh.send(ok("8")).await;
        assert_eq!(whole(last).await, "200 8");
        assert_eq!(stage.repeated(), [""; 0]);
    });
}

#[test]
fn a_host_that_is_not_there_fails_all_that_wait_for_it() {
    run(async {
        let gone = Script::new().await.address;
        let client = pipelining(4).connections_per_origin(1).build();
        let url = format!("http://{gone}/");
        let all: Vec<_> = (0..10)
            .map(|_| {
                let (client, url) = (client.clone(), url.clone());
                tokio::spawn(async move { client.get(url).await })
            })
            .collect();
        for one in all {
            let error = one.await.unwrap().unwrap_err();
            assert!(error.is_connect() && error.is_safe_to_retry(), "{error}");
        }
    });
}

#[test]
fn without_being_asked_to_nothing_is_pipelined() {
    for builder in [Client::builder(), pipelining(0), pipelining(1)] {
        run(async {
            let stage = Stage::new(builder.connections_per_origin(1)).await;
            let mut peer = stage.show().await;
            let gets = reading(stage.gets(0..2));
            for n in 0..2 {
                peer.expect([format!("GET /{n}").as_str()]).await;
                peer.send(ok(&n.to_string())).await;
            }
            assert_eq!(all(gets).await, ["200 0", "200 1"]);
        });
    }
}
