//! Interim responses, told to whoever asks (RFC 9110 section 15.2).

use std::sync::{Arc, Mutex};

use http::Method;
use tenure::client::OnInterim;
use tenure::{Client, Fate};

use super::{read, request};
use crate::common::*;

const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";

/// Asks `client` with an ear for interim responses; the server says `says`. What was heard.
async fn heard(client: &Client, says: &str) -> (Result<(u16, String), tenure::Error>, Vec<String>) {
    let script = Script::new().await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&heard);
    let ear = OnInterim::new(move |response| {
        let link = response.headers().get("link").map_or("", |link| link.to_str().unwrap());
        list.lock().unwrap().push(format!("{} {link}", response.status().as_u16()));
    });
    let mut get = request(Method::GET, &script.url("/"), "");
    get.extensions_mut().insert(ear);
    let (answer, ()) = tokio::join!(async { read(client.request(get).await).await }, async {
        let mut peer = script.accept().await;
        peer.request().await;
        peer.send(says).await;
    });
    let heard = heard.lock().unwrap().clone();
    (answer, heard)
}

#[test]
fn each_is_told_in_order_and_the_final_one_is_not() {
    run(async {
        let says = format!(
            "HTTP/1.1 100 Continue\r\n\r\n{HINTS}HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        );
        let (answer, heard) = heard(&Client::new(), &says).await;
        assert_eq!(answer.unwrap(), (200, "ok".to_owned()));
        assert_eq!(heard, ["100 ", "103 </style.css>; rel=preload", "102 "]);
    });
}

#[test]
fn a_flood_is_an_error() {
    run(async {
        let (answer, heard) = heard(&Client::new(), &HINTS.repeat(100)).await;
        let error = answer.unwrap_err();
        assert!(error.to_string().contains("interim"), "{error}");
        assert_eq!((error.fate(), heard.len()), (Fate::AnsweredInPart, 32));
    });
}
