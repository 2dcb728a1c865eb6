//! `tenure::Client` as a driver's client.

use std::io;

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use tenure::{Body, Client};

use crate::tour::{Got, Step};

/// A client with its defaults, which trusts `ca`.
pub(crate) fn open(ca: Option<&[u8]>) -> io::Result<Client> {
    let builder = Client::builder();
    Ok(match ca {
        Some(pem) => builder.root_certificates(pem).map_err(io::Error::other)?.build(),
        None => builder.build(),
    })
}

pub(crate) async fn ask(client: &Client, step: &Step) -> Got {
    let request = Request::builder().method(&step.method).uri(&step.url).header("x-request-id", &step.id);
    let response = client.request(request.body(Body::from(Bytes::from(vec![b'c'; step.content])))?).await?;
    let (head, body) = response.into_parts();
    body.collect().await?;
    let id = head.headers.get("x-request-id").map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
    Ok((head.status.as_u16(), id.unwrap_or_default()))
}
