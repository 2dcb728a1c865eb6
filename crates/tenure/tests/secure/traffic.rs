//! Requests and content over TLS.

use http_body_util::BodyExt;
use tenure::{Client, ResponseExt as _};

use super::*;

/// The request's content, back.
async fn echo(request: Request<Body>) -> Result<Response<Body>, BoxError> {
    Ok(Response::new(Body::from(request.into_body().collect().await?.to_bytes())))
}

#[test]
fn sixteen_pipelined_requests_are_one_read_and_one_write() {
    run(async {
        let place = Place::new();
        let served = serve_with(place.server(), facts).await;
        let mut peer = connect(served.address, &place.trusting).await;
        peer.send(GET.repeat(16)).await;
        for request in 1..=16 {
            assert!(peer.response().await.text().starts_with(&format!("1 {request} ")));
        }
        assert_eq!((served.log.now().reads, served.log.now().writes), (1, 1));
    });
}

#[test]
fn large_content_goes_both_ways_whole() {
    run_threads(async {
        let place = Place::new();
        let served = serve_with(place.server(), echo).await;
        let content: Vec<u8> = (0..5_000_000_u32).map(|at| (at % 251) as u8).collect();
        let pem = std::fs::read(place.file("chain.pem")).unwrap();
        let client = Client::builder().root_certificates(&pem).unwrap().build();
        let url = format!("https://localhost:{}/", served.address.port());
        for _ in 0..2 {
            let request = Request::post(&url).body(Body::from(content.clone())).unwrap();
            let answer = client.request(request).await.unwrap();
            assert!(body::collect(answer.into_body()).await.unwrap() == content);
        }
        assert_eq!(served.log.now().opened, 1, "our own client keeps its connection");
    });
}

/// The kernel knows nothing of the encryption: a file is read, although nobody else looks at it.
#[test]
fn a_file_is_sent_encrypted() {
    run(async {
        let place = Place::new();
        let content: Vec<u8> = (0..2_500_000_u32).map(|at| (at % 251) as u8).collect();
        std::fs::write(place.file("content"), &content).unwrap();
        let path = place.file("content");
        let served = serve_logged(place.server(), Log::blind(), move |_| {
            let path = path.clone();
            async move { Ok(Response::new(Body::from_file(std::fs::File::open(path)?, 7..)?)) }
        })
        .await;
        let mut peer = connect(served.address, &place.trusting).await;
        for _ in 0..2 {
            assert!(peer.ask(GET).await.content == content[7..]);
        }
    });
}

#[test]
fn an_early_answer_to_a_large_upload_is_seen() {
    run_threads(async {
        let place = Place::new();
        let served = serve_with(place.server(), |_| async {
            Ok(Response::builder().status(413).body(Body::from("too large")).unwrap())
        })
        .await;
        for _ in 0..20 {
            let peer = connect(served.address, &place.trusting).await;
            let (mut reader, mut writer) = tokio::io::split(peer.stream);
            let upload = tokio::spawn(async move {
                use tokio::io::AsyncWriteExt;
                let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n";
                writer.write_all(head.as_bytes()).await?;
                for _ in 0..100 {
                    writer.write_all(&[0; 100_000]).await?;
                }
                writer.flush().await
            });
            let mut answer = Vec::new();
            while !answer.ends_with(b"too large") {
                let read = tokio::io::AsyncReadExt::read_buf(&mut reader, &mut answer).await;
                assert!(read.expect("the answer, not a reset") > 0);
            }
            assert!(answer.starts_with(b"HTTP/1.1 413 "));
            upload.abort();
        }
    });
}

#[test]
fn our_own_client_knows_what_was_agreed_on_as_well() {
    run(async {
        let place = Place::new();
        let served = serve_with(place.server(), facts).await;
        let pem = std::fs::read(place.file("chain.pem")).unwrap();
        let client = Client::builder().root_certificates(&pem).unwrap().build();
        let url = format!("https://localhost:{}/", served.address.port());
        for how in ["full", "resumed"] {
            let answer = client.get(&url).await.unwrap();
            let info = answer.connection().unwrap().clone();
            let server = info.server.as_ref().unwrap();
            assert_eq!((&*server.host, server.port), ("localhost", served.address.port()));
            assert_eq!(info.client, None);
            let text = body::collect(answer.into_body()).await.unwrap();
            assert_eq!(told(&info).unwrap(), std::str::from_utf8(&text).unwrap(), "both sides say the same");
            assert!(text.ends_with(how.as_bytes()));
            client.close_idle();
        }
    });
}
