//! The server by its bytes: pages, report, and how connections end.

use std::io::ErrorKind;

use tenure_misbehave::{ALL, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn start() -> Server {
    Server::builder().bind("127.0.0.1:0").await.unwrap()
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.address()).await.unwrap()
}

fn get(path: &str, id: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\nX-Request-Id: {id}\r\n\r\n")
}

/// Everything up to the server's end, and whether that was a FIN.
async fn rest(stream: &mut TcpStream) -> (String, bool) {
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).await;
    (String::from_utf8_lossy(&bytes).into_owned(), end.is_ok())
}

/// Sends one request that is the last of its connection; the whole response.
async fn last(server: &Server, request: &str) -> String {
    let mut stream = connect(server).await;
    let request = request.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    stream.write_all(request.as_bytes()).await.unwrap();
    let (text, fin) = rest(&mut stream).await;
    assert!(fin, "{text}");
    text
}

fn content(response: &str) -> &str {
    response.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test]
async fn the_page_lists_every_scenario_with_its_parameters() {
    let server = start().await;
    let page = last(&server, &get("/", "1")).await;
    let json = last(&server, "GET / HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\n\r\n").await;
    let json: serde_json::Value = serde_json::from_str(content(&json)).unwrap();
    assert_eq!(json.as_array().unwrap().len(), ALL.len());
    for (n, scenario) in ALL.iter().enumerate() {
        assert!(page.contains(&format!("<h2>/{}</h2>", scenario.name)), "{}", scenario.name);
        assert_eq!(json[n]["path"], format!("/{}", scenario.name));
        assert_eq!(json[n]["parameters"].as_array().unwrap().len(), scenario.parameters.len());
        assert_eq!(json[n]["section"], scenario.section);
    }
}

#[tokio::test]
async fn the_report_counts_what_was_processed_twice_and_what_was_reused() {
    let server = start().await;
    let post = "POST /ok HTTP/1.1\r\nHost: a\r\nX-Request-Id: p\r\nContent-Length: 2\r\n\r\nhi";
    let two = format!("{}{}", get("/ok", "a"), get("/ok", "b"));
    // Pipelined, and the last of them closes.
    let mut stream = connect(&server).await;
    stream.write_all(format!("{two}{post}").as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let (text, _) = rest(&mut stream).await;
    let answers: Vec<_> = text.matches("answer to ").collect();
    assert_eq!(answers.len(), 3, "{text}");
    assert!(last(&server, post).await.ends_with("\r\n\r\nanswer to p\n"));

    let report = last(&server, &get("/report", "r")).await;
    let report: serde_json::Value = serde_json::from_str(content(&report)).unwrap();
    let ok = &report["scenarios"]["ok"];
    assert_eq!((&ok["requests"], &ok["processed"], &ok["connections"]), (&4.into(), &4.into(), &2.into()));
    assert_eq!((&ok["processed_twice"], &ok["not_idempotent_twice"]), (&1.into(), &1.into()));
    assert_eq!(ok["reuse_ratio"], 0.5);
    assert_eq!(server.times_processed("ok", "p"), 2);
}

#[tokio::test]
async fn what_it_cannot_do_is_said_and_not_counted_as_a_scenario() {
    let server = start().await;
    let unknown = last(&server, &get("/nowhere", "1")).await;
    assert!(unknown.starts_with("HTTP/1.1 404 ") && unknown.ends_with("GET / lists them\n"), "{unknown}");
    let parameter = last(&server, &get("/drop?by=fire", "1")).await;
    assert!(parameter.starts_with("HTTP/1.1 400 ") && parameter.contains("one of: fin, reset"), "{parameter}");
    let malformed = last(&server, "GET / HTTP/1.1\r\nHost : a\r\n\r\n").await;
    assert!(malformed.starts_with("HTTP/1.1 400 ") && malformed.contains("RFC 9112"), "{malformed}");
    assert_eq!(server.report().bad_requests, 3);
    assert!(server.report().scenarios.is_empty());
}

/// Asks twice over one connection, whatever the first answer says; what is said about that, by rule.
async fn goes_on(path: &str) -> Vec<(&'static str, u64)> {
    let server = start().await;
    let mut stream = connect(&server).await;
    let mut answers = String::new();
    for id in ["first", "second"] {
        stream.write_all(get(path, id).as_bytes()).await.unwrap();
        while !answers.contains(&format!("answer to {id}\n")) {
            let mut some = [0; 512];
            let read = stream.read(&mut some).await.unwrap();
            assert!(read > 0, "{path}: {answers}");
            answers += &String::from_utf8_lossy(&some[..read]);
        }
    }
    let report = server.report();
    assert_eq!((report.cases.len(), report.cases[0].account.requests), (1, 2), "{path}");
    report.cases[0].verdicts.iter().map(|verdict| (verdict.rule, verdict.count)).collect()
}

#[tokio::test]
async fn whoever_goes_on_after_the_end_was_announced_is_found() {
    for path in [
        "/connection?value=two-lines&linger=20s",
        "/http10?linger=20s",
        "/connection?value=lookalike&version=1.0&linger=20s",
    ] {
        assert_eq!(goes_on(path).await, [("sent-after-close", 1)], "{path}");
    }
    assert_eq!(goes_on("/hint-max?max=1&late=5").await, [("hint-ignored", 1)]);
    assert_eq!(goes_on("/hint-timeout?timeout=0&after=20s").await, [("hint-ignored", 1)]);
    assert_eq!(goes_on("/stray").await, [("reused-after-stray", 1)]);
    assert_eq!(goes_on("/wrong-length").await, [("reused-after-stray", 1)]);
    for path in [
        "/ok",
        "/connection?value=lookalike",
        "/connection?value=keep-alive-odd-case&version=1.0",
        "/stray?what=newline",
        "/pieces?chunked=no",
        "/hint-max?max=5",
    ] {
        assert_eq!(goes_on(path).await, [], "{path}");
    }
}

/// Whoever is left by the server before the announced time is over has obeyed nothing; whoever leaves before it has.
#[tokio::test]
async fn a_hint_is_obeyed_only_where_it_could_have_been_ignored() {
    let server = start().await;
    let mut left = connect(&server).await;
    left.write_all(get("/hint-timeout?timeout=60&after=1ms", "left").as_bytes()).await.unwrap();
    assert!(rest(&mut left).await.0.ends_with("answer to left\n"));
    let mut leaves = connect(&server).await;
    leaves.write_all(get("/hint-timeout?timeout=60&after=60s", "leaves").as_bytes()).await.unwrap();
    let mut answer = String::new();
    while !answer.ends_with("answer to leaves\n") {
        answer.push(char::from(leaves.read_u8().await.unwrap()));
    }
    drop(leaves);
    let obeyed = |query: &str| {
        let report = server.report();
        report.cases.iter().find(|case| case.query == query).unwrap().account.hints_obeyed
    };
    while obeyed("timeout=60&after=60s") == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(obeyed("timeout=60&after=1ms"), 0);
}

#[tokio::test]
async fn clients_and_queries_are_told_apart() {
    let server = start().await;
    for (query, agent) in [("", "one/1.0 (x)"), ("", "two/2.0"), ("?at=5", "one/1.0"), ("", "one/1.0")] {
        last(
            &server,
            &get(&format!("/drop{query}"), agent).replacen("\r\n", &format!("\r\nUser-Agent: {agent}\r\n"), 1),
        )
        .await;
    }
    let cases: Vec<_> =
        server.report().cases.into_iter().map(|case| (case.query, case.client, case.account.requests)).collect();
    let expected = [("", "one/1.0", 2), ("", "two/2.0", 1), ("at=5", "one/1.0", 1)];
    assert_eq!(cases, expected.map(|(query, client, requests)| (query.to_owned(), client.to_owned(), requests)));
}

/// How a connection ends on which a scenario was asked for, and after which bytes.
async fn ending(server: &Server, request: &str) -> (String, bool) {
    let mut stream = connect(server).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    rest(&mut stream).await
}

#[tokio::test]
async fn a_connection_ends_by_fin_or_reset_as_asked() {
    let server = start().await;
    for (path, fin) in [("/drop?at=1", true), ("/drop?at=1&by=reset", false)] {
        assert_eq!(ending(&server, &get(path, path)).await, (String::new(), fin), "{path}");
        assert_eq!(server.times_processed("drop", path), 1, "{path}");
    }
    for (path, fin) in [("/idle-close?after=1ms", true), ("/close-after?at=1", true)] {
        let (text, ended_by_fin) = ending(&server, &get(path, "7")).await;
        assert!(text.ends_with("answer to 7\n") && !text.contains("close"), "{text}");
        assert_eq!(ended_by_fin, fin, "{path}");
    }
}

#[tokio::test]
async fn a_request_left_unread_is_reset_and_not_processed() {
    let server = start().await;
    let mut stream = connect(&server).await;
    stream.write_all(get("/unread", "first").as_bytes()).await.unwrap();
    let mut answer = [0; 512];
    let mut read = 0;
    while !answer[..read].ends_with(b"answer to first\n") {
        read += stream.read(&mut answer[read..]).await.unwrap();
    }
    stream.write_all(get("/unread", "second").as_bytes()).await.unwrap();
    assert_eq!(stream.read(&mut answer).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(server.times_processed("unread", "first"), 1);
    assert_eq!(server.times_processed("unread", "second"), 0);
}

#[tokio::test]
async fn an_idle_408_comes_unasked_and_closes() {
    let server = start().await;
    let (text, fin) = ending(&server, &get("/idle-408?after=1ms", "7")).await;
    let (_, stray) = text.split_once("answer to 7\n").unwrap();
    assert!(stray.starts_with("HTTP/1.1 408 ") && stray.contains("Connection: close"), "{text}");
    assert!(fin);
}

#[tokio::test]
async fn an_early_413_arrives_whole_above_unread_content() {
    let server = start().await;
    let head = "POST /early-413 HTTP/1.1\r\nHost: a\r\nX-Request-Id: big\r\nContent-Length: 1000000\r\n\r\n";
    let mut stream = connect(&server).await;
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 1024];
    let read = stream.read(&mut answer).await.unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 413 "));
    // It reads on, so that sending goes on well.
    stream.write_all(&vec![b'x'; 1_000_000]).await.unwrap();
    stream.shutdown().await.unwrap();
    let (_, fin) = rest(&mut stream).await;
    assert!(fin);
    assert_eq!(server.times_processed("early-413", "big"), 0);
}

#[tokio::test]
async fn a_request_that_crosses_the_fin_is_processed_and_reset() {
    let server = start().await;
    let mut stream = connect(&server).await;
    stream.write_all(get("/half-close-process?after=1ms", "first").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.ends_with(b"answer to first\n"));
    stream.write_all(get("/half-close-process", "second").as_bytes()).await.unwrap();
    // The FIN was read; the reset shows in writing only, once it has come.
    while stream.write_all(b"\r\n").await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.times_processed("half-close-process", "second"), 1);
}

#[tokio::test]
async fn too_many_connections_are_turned_away() {
    let server = Server::builder().connections(1).bind("127.0.0.1:0").await.unwrap();
    let mut first = connect(&server).await;
    first.write_all(get("/ok", "1").as_bytes()).await.unwrap();
    assert!(first.read(&mut [0; 512]).await.unwrap() > 0);
    let mut second = connect(&server).await;
    assert_eq!(rest(&mut second).await.0, "");
    assert_eq!(server.report().turned_away, 1);
}
