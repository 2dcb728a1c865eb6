//! A response cut short is an error, wherever it is cut (RFC 9112 section 8).

use tenure::{Client, Fate};

use super::{observed, read};
use crate::common::*;

/// Sends `answer` and ends the connection by FIN, or by a reset.
async fn cut(answer: &[u8], reset: bool) -> Result<(u16, String), tenure::Error> {
    let script = Script::new().await;
    let (client, log) = observed(Client::builder());
    let server = async {
        let mut peer = script.accept().await;
        peer.request().await;
        peer.send(answer).await;
        log.received(answer.len()).await;
        if reset {
            peer.reset();
        }
    };
    let (answer, ()) = tokio::join!(async { read(client.get(script.url("/")).await).await }, server);
    answer
}

#[test]
fn every_prefix_of_a_response_is_an_error() {
    run(async {
        for whole in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"[..],
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: v\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
        ] {
            for end in 0..whole.len() {
                let shown = String::from_utf8_lossy(&whole[..end]).into_owned();
                let error = cut(&whole[..end], false).await.expect_err(&shown);
                assert!(error.is_incomplete(), "{shown:?}: {error}");
                let begun = end > 0 && !shown.ends_with("Continue\r\n\r\n");
                assert_eq!(error.fate(), if begun { Fate::AnsweredInPart } else { Fate::Unknown }, "{shown:?}");
            }
            cut(whole, false).await.unwrap();
        }
    });
}

#[test]
fn a_reset_within_a_response_is_an_error() {
    run(async {
        for (answer, begun) in [
            ("", false),
            ("HTTP/1.1 20", true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", true),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", true),
            ("HTTP/1.1 200 OK\r\n\r\nonly a FIN would make this whole", true),
        ] {
            let error = cut(answer.as_bytes(), true).await.expect_err(answer);
            assert_eq!(error.fate(), if begun { Fate::AnsweredInPart } else { Fate::Unknown }, "{answer:?}");
            assert_eq!(error.is_incomplete(), begun, "{answer:?}: {error}");
        }
    });
}

#[test]
fn a_broken_response_is_an_error_that_names_the_rule() {
    run(async {
        for (answer, says) in [
            ("SSH-2.0-OpenSSH_9.9\r\n", "status line"),
            ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "Content-Length"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "Content-Length"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "chunk size"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef", "chunk"),
            ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "101"),
            (&"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(40), "interim"),
        ] {
            let error = cut(answer.as_bytes(), false).await.expect_err(answer);
            assert!(error.to_string().contains(says), "{answer:?}: {error}");
            assert!(error.protocol().is_some(), "{answer:?}: {error}");
            assert_eq!(error.fate(), Fate::AnsweredInPart);
        }
    });
}
