//! When a connection carries another request, and when not (RFC 9112 section 9.3).

use http::{Method, Request, Version};
use http_body_util::BodyExt;
use tenure::client::ResponseExt as _;
use tenure::{Body, Client, CloseReason};

use super::{observed, place, read, request};
use crate::common::*;

/// A server that answers each request of each connection in turn.
async fn answers(answers: &'static [&'static str]) -> (String, tokio::task::JoinHandle<Vec<Message>>) {
    let script = Script::new().await;
    let url = script.url("/a");
    let served = tokio::spawn(async move {
        let mut peer = script.accept().await;
        let mut requests = Vec::new();
        for answer in answers {
            requests.push(peer.request().await);
            peer.send(answer).await;
        }
        // The client closes first, or never.
        drop(peer.rest().await);
        requests
    });
    (url, served)
}

#[test]
fn a_connection_is_used_again_after_each_kind_of_whole_response() {
    run(async {
        let (url, served) = answers(&[
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 70\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-T: v\r\n\r\n",
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
            "HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno",
        ])
        .await;
        let (client, log) = observed(Client::builder());
        for (n, content) in ["hello", "", "", "", "abc", "", "ok", "no"].into_iter().enumerate() {
            let response = client.get(&url).await.unwrap();
            assert_eq!(place(&response), (1, n as u64 + 1));
            assert_eq!(body::collect(response.into_body()).await.unwrap(), content);
        }
        drop(client);
        assert_eq!(served.await.unwrap().len(), 8);
        assert_eq!(log.closed(1).await, [CloseReason::Shutdown]);
    });
}

#[test]
fn a_connection_is_free_before_its_reader_asks_if_all_has_come() {
    run(async {
        let (url, _served) = answers(&["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"; 2]).await;
        let client = Client::builder().connections_per_origin(1).build();
        let first = client.get(&url).await.unwrap();
        assert_eq!(client.pool().idle(), 1);
        let received = first.timing().unwrap().receive();
        let second = client.get(&url).await.unwrap();
        assert_eq!((place(&first), place(&second), received.is_some()), ((1, 1), (1, 2), true));
        for response in [first, second] {
            assert_eq!(body::collect(response.into_body()).await.unwrap(), "hello");
        }
    });
}

#[test]
fn a_connection_is_free_as_soon_as_the_last_byte_was_read() {
    run(async {
        let (url, _served) = answers(&["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"; 2]).await;
        let client = Client::builder().connections_per_origin(1).build();
        let mut body = client.get(&url).await.unwrap().into_body();
        let mut left = 5;
        while left > 0 {
            left -= body.frame().await.unwrap().unwrap().into_data().unwrap().len();
        }
        // The body is still held, and nobody asked it for its end.
        assert_eq!(place(&client.get(&url).await.unwrap()), (1, 2));
        assert!(body.frame().await.is_none());
    });
}

#[test]
fn a_connection_is_not_used_again_after_these() {
    run(async {
        for (answer, why) in [
            ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", CloseReason::CloseOption),
            ("HTTP/1.1 200 OK\r\nConnection: a, Close\r\nContent-Length: 1\r\n\r\nx", CloseReason::CloseOption),
            (
                "HTTP/1.1 200 OK\r\nConnection: close\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
                CloseReason::CloseOption,
            ),
            ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", CloseReason::Http10),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy", CloseReason::Unsolicited),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
                CloseReason::FaultyFraming,
            ),
        ] {
            let script = Script::new().await;
            let (client, log) = observed(Client::builder());
            for n in 1..3 {
                let asked = tokio::spawn(read_at(client.clone(), script.url("/")));
                let mut peer = script.accept().await;
                peer.request().await;
                peer.send(answer).await;
                assert_eq!(asked.await.unwrap(), "x", "{answer:?}");
                assert_eq!(log.closed(n).await, vec![why; n], "{answer:?}");
            }
        }
    });
}

async fn read_at(client: Client, url: String) -> String {
    read(client.get(url).await).await.unwrap().1
}

#[test]
fn a_body_dropped_before_its_end_closes_its_connection() {
    run(async {
        let script = Script::new().await;
        let (client, log) = observed(Client::builder());
        let (response, mut peer) = tokio::join!(client.get(script.url("/")), async {
            let mut peer = script.accept().await;
            peer.request().await;
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
            peer
        });
        let mut body = response.unwrap().into_body();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "half");
        drop(body);
        assert_eq!(log.closed(1).await, [CloseReason::Abandoned]);
        peer.end().await;
        assert_eq!(log.now().most, 1);
    });
}

#[test]
fn a_close_delimited_response_is_whole_and_the_last() {
    run(async {
        let script = Script::new().await;
        let (client, log) = observed(Client::builder());
        let server = async {
            let mut peer = script.accept().await;
            peer.request().await;
            peer.send("HTTP/1.1 200 OK\r\n\r\nuntil the end").await;
            drop(peer);
        };
        let (answer, ()) = tokio::join!(async { read(client.get(script.url("/")).await).await }, server);
        assert_eq!(answer.unwrap().1, "until the end");
        assert_eq!(log.closed(1).await, [CloseReason::CloseDelimited]);
    });
}

#[test]
fn the_requests_own_close_makes_it_the_last() {
    run(async {
        let (url, served) = answers(&["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"]).await;
        let (client, log) = observed(Client::builder());
        let request = Request::get(&url).header("Connection", "close").body(Body::empty()).unwrap();
        assert_eq!(read(client.request(request).await).await.unwrap().1, "hello");
        assert_eq!(served.await.unwrap()[0].connection(), "close");
        assert_eq!(log.closed(1).await, [CloseReason::LastMessage]);
    });
}

#[test]
fn http10_asks_for_keep_alive_and_uses_it() {
    run(async {
        let (url, served) =
            answers(&["HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok"; 3]).await;
        let client = Client::new();
        for n in 1..4 {
            let mut request = request(Method::POST, &url, "content");
            *request.version_mut() = Version::HTTP_10;
            let response = client.request(request).await.unwrap();
            assert_eq!(place(&response), (1, n));
            assert_eq!(body::collect(response.into_body()).await.unwrap(), "ok");
        }
        drop(client);
        for request in served.await.unwrap() {
            assert_eq!((&*request.start, &*request.connection()), ("POST /a HTTP/1.0", "keep-alive"));
            assert_eq!((request.field("content-length"), request.text()), (Some("7"), "content"));
        }
    });
}

#[test]
fn a_response_to_head_has_no_content() {
    run(async {
        let (url, _served) = answers(&[
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        ])
        .await;
        let client = Client::new();
        for n in 1..4 {
            let response = client.request(request(Method::HEAD, &url, "")).await.unwrap();
            assert_eq!(place(&response), (1, n));
            assert_eq!(body::collect(response.into_body()).await.unwrap(), "");
        }
        assert_eq!(read(client.get(&url).await).await.unwrap().1, "hello");
    });
}

#[test]
fn trailers_arrive_after_the_content() {
    run(async {
        let (url, _served) = answers(
            &["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nX-Sum: 7\r\nHost: b\r\n\r\n";
                2],
        )
        .await;
        let client = Client::new();
        for n in 1..3 {
            let response = client.get(&url).await.unwrap();
            assert_eq!(place(&response), (1, n));
            let collected = response.into_body().collect().await.unwrap();
            let trailers = collected.trailers().unwrap();
            assert_eq!((trailers.get("x-sum").unwrap(), trailers.get("host")), (&"7".parse().unwrap(), None));
            assert_eq!(collected.to_bytes(), "abc");
        }
    });
}

#[test]
fn interim_responses_are_passed_over() {
    run(async {
        let (url, _served) = answers(
            &["HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"; 2],
        )
        .await;
        let client = Client::new();
        for _ in 0..2 {
            assert_eq!(read(client.get(&url).await).await.unwrap(), (200, "ok".to_owned()));
        }
    });
}

#[test]
fn what_the_client_sends() {
    run(async {
        let (url, served) = answers(&["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"; 4]).await;
        let client = Client::new();
        let host = url.strip_prefix("http://").unwrap().strip_suffix("/a").unwrap();
        client.get(&format!("{url}?q=1#frag")[..]).await.unwrap();
        client.request(request(Method::POST, &url, "")).await.unwrap();
        client
            .request(request(Method::PUT, &url, body::steps(None, [body::data("ab"), body::data("c")])))
            .await
            .unwrap();
        client.request(request(Method::OPTIONS, &format!("http://{host}"), "")).await.unwrap();
        drop(client);
        let requests = served.await.unwrap();
        let starts: Vec<&str> = requests.iter().map(|r| &*r.start).collect();
        assert_eq!(starts, ["GET /a?q=1 HTTP/1.1", "POST /a HTTP/1.1", "PUT /a HTTP/1.1", "OPTIONS / HTTP/1.1"]);
        assert!(requests.iter().all(|r| r.field("host") == Some(host)));
        let lengths: Vec<_> = requests.iter().map(|r| r.field("content-length")).collect();
        assert_eq!(lengths, [None, Some("0"), None, None]);
        assert_eq!((requests[2].field("transfer-encoding"), requests[2].text()), (Some("chunked"), "abc"));
    });
}
