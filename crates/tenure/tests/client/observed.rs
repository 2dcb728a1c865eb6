//! What a client's observer is told, call by call.

use http::Method;
use tenure::Client;

use super::{read, request};
use crate::common::*;

#[test]
fn an_exchange_ends_with_its_content_and_a_repetition_is_two() {
    run(async {
        let script = Script::new().await;
        let url = script.url("/a?b");
        let served = tokio::spawn(async move {
            let mut peer = script.accept().await;
            peer.request().await;
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await;
            peer.request().await;
            // The second request is lost with its connection.
            drop(peer);
            let mut peer = script.accept().await;
            peer.request().await;
            peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nhello").await;
        });
        let story = Story::new();
        let client = Client::builder().observer(story.clone()).build();
        read(client.request(request(Method::PUT, &url, "abc")).await).await.unwrap();
        read(client.request(request(Method::PUT, &url, "abc")).await).await.unwrap_err();
        served.await.unwrap();
        let lines = story.until("closed 2").await;
        let expected = [
            "opened 1",
            "began 1.1 PUT",
            "exchanged 1.1 'PUT /a?b HTTP/1.1' 200 in 3 out 5 whole",
            "began 1.2 PUT",
            "exchanged 1.2 'PUT /a?b HTTP/1.1' 0 in 3 out 0 cut",
            "closed 1 peer-fin 1",
            "repeated unknown",
            "opened 2",
            "began 2.1 PUT",
            "exchanged 2.1 'PUT /a?b HTTP/1.1' 200 in 3 out 5 cut",
            "closed 2 close-option 0",
        ];
        assert_eq!(lines, expected);
    });
}
