//! Content of unknown length that is collected before the head: `Server::collect`.

use std::sync::Arc;

use http::Response;
use tenure::Body;
use tenure::server::Server;
use tokio::sync::oneshot;

use crate::common::body::{Step, data, steps};
use crate::common::*;

const OLD: &str = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
const NEW: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
/// The default of the bound.
const DEFAULT: usize = 4096;

async fn answer(server: Server, make: impl Fn() -> Body + Send + Sync + 'static) -> Served {
    let make = Arc::new(make);
    serve_with(server, move |_| {
        let make = Arc::clone(&make);
        async move { Ok(Response::new(make())) }
    })
    .await
}

/// Content in three pieces, none of them waited for.
fn pieces(len: usize) -> Body {
    let piece = |n: usize| data(vec![b'x'; n]);
    steps(None, [piece(len / 3), piece(len / 3), piece(len - 2 * (len / 3))])
}

#[test]
fn content_up_to_the_bound_gets_a_length_and_keeps_old_clients_connected() {
    run(async {
        for (server, bound) in [(Server::new(), DEFAULT), (Server::new().collect(100), 100)] {
            for len in [0, 1, bound - 1, bound] {
                let served = answer(server.clone(), move || pieces(len)).await;
                let length = len.to_string();
                let (mut new, mut old) = (served.connect().await, served.connect().await);
                for _ in 0..2 {
                    let response = new.ask(NEW).await;
                    assert_eq!(response.field("content-length"), Some(&*length));
                    assert_eq!((response.content.len(), &*response.connection()), (len, ""));
                    let response = old.ask(OLD).await;
                    assert_eq!(response.field("content-length"), Some(&*length));
                    assert_eq!((response.content.len(), &*response.connection()), (len, "keep-alive"));
                }
            }
        }
    });
}

#[test]
fn content_beyond_the_bound_is_chunked_and_for_old_clients_ends_with_the_connection() {
    run(async {
        for (server, bound) in
            [(Server::new(), DEFAULT), (Server::new().collect(100), 100), (Server::new().collect(0), 0)]
        {
            let len = bound + 1;
            let served = answer(server, move || pieces(len)).await;
            let (mut new, mut old) = (served.connect().await, served.connect().await);
            for _ in 0..2 {
                let response = new.ask(NEW).await;
                assert_eq!(
                    (response.field("content-length"), response.field("transfer-encoding")),
                    (None, Some("chunked"))
                );
                assert_eq!((response.content.len(), &*response.connection()), (len, ""));
            }
            let response = old.ask(OLD).await;
            assert_eq!((response.field("content-length"), response.field("transfer-encoding")), (None, None));
            assert_eq!((response.content.len(), &*response.connection()), (len, "close"));
        }
    });
}

#[test]
fn content_that_waits_is_never_held_back_however_little_there_is() {
    run(async {
        for request in [NEW, OLD] {
            let (go, wait) = oneshot::channel();
            let body = std::sync::Mutex::new(Some(steps(None, [data("first"), Step::Wait(wait), data("second")])));
            let served = answer(Server::new(), move || body.lock().unwrap().take().unwrap()).await;
            let mut peer = served.connect().await;
            peer.send(request).await;
            let head = peer.head().await;
            assert_eq!(head.field("content-length"), None);
            let (first, rest): (&[u8], &[u8]) = match request {
                NEW => (b"5\r\nfirst\r\n", b"6\r\nsecond\r\n0\r\n\r\n"),
                _ => (b"first", b"second"),
            };
            assert_eq!(peer.exactly(first.len()).await.unwrap(), first, "while the second is still to come");
            drop(go);
            assert_eq!(peer.exactly(rest.len()).await.unwrap(), rest);
            if request == OLD {
                peer.end().await;
            }
        }
    });
}
