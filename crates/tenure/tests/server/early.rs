//! A final response while the request is still being sent (RFC 9112 section 9.6): it must arrive
//! whole, however much the client goes on sending.

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tenure::Body;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::common::*;

const UPLOAD: usize = 10_000_000;

/// Refuses before or after the first piece of content, with more than fits one segment.
async fn refuse(request: Request<Body>) -> Result<Response<Body>, BoxError> {
    if request.uri().path() == "/after" {
        request.into_body().frame().await.ok_or("no frame")??;
    }
    Ok(Response::builder().status(StatusCode::PAYLOAD_TOO_LARGE).body(Body::from(vec![b'n'; 100_000]))?)
}

#[test]
fn the_refusal_of_an_upload_arrives_200_of_200_times() {
    run_threads(async {
        let served = serve(refuse).await;
        let upload = vec![b'x'; UPLOAD];
        for round in 0..200 {
            let mut peer = served.connect().await;
            let path = if round % 2 == 0 { "/before" } else { "/after" };
            peer.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {UPLOAD}\r\n\r\n")).await;
            let response = if round % 4 < 2 {
                // Looks at nothing before all is sent.
                peer.stream.write_all(&upload).await.expect("the server takes what comes");
                peer.response().await
            } else {
                let (mut reader, mut writer) = peer.stream.split();
                let mut read = Vec::new();
                let (sent, all) = tokio::join!(
                    async {
                        let sent = writer.write_all(&upload).await;
                        writer.shutdown().await.and(sent)
                    },
                    reader.read_to_end(&mut read),
                );
                sent.expect("the server takes what comes");
                all.expect("a FIN, not a reset");
                peer.unread = read;
                peer.response().await
            };
            assert_eq!((response.status(), &*response.connection()), (413, "close"), "round {round}");
            assert_eq!(response.content.len(), 100_000, "round {round}");
        }
    });
}
