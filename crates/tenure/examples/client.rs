//! Requests that share a connection: `cargo run -p tenure --example client -- http://127.0.0.1:8080/`.

use http_body_util::BodyExt;
use tenure::{Client, ConnectionInfo};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let uri = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8080/".into());
    let client = Client::new();
    for _ in 0..3 {
        let response = client.get(uri.as_str()).await?;
        let info = response.extensions().get::<ConnectionInfo>().cloned();
        let status = response.status();
        let content = response.into_body().collect().await?.to_bytes();
        let (id, request) = info.map_or((0, 0), |i| (i.id, i.request));
        println!("{status}, {} bytes, request {request} on connection {id}", content.len());
    }
    Ok(())
}
