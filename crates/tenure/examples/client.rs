//! Requests that share a connection, and where their time went:
//! `cargo run -p tenure --example client -- http://127.0.0.1:8080/`.

use http_body_util::BodyExt;
use tenure::{Client, ResponseExt};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let uri = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8080/".into());
    let client = Client::new();
    for _ in 0..3 {
        let response = client.get(uri.as_str()).await?;
        let (connection, timing) = (response.connection().cloned(), response.timing().cloned());
        let status = response.status();
        let content = response.into_body().collect().await?.to_bytes();
        println!("{status}, {} bytes", content.len());
        if let (Some(connection), Some(timing)) = (connection, timing) {
            println!(
                "  request {} on connection {}, idle for {:?}",
                connection.request, connection.id, connection.idle
            );
            let made = (timing.dns(), timing.connect(), timing.tls());
            println!("  queue {:?}, DNS, connect and TLS {made:?}", timing.queue());
            println!("  send {:?}, wait {:?}, receive {:?}", timing.send(), timing.wait(), timing.receive());
        }
    }
    for origin in client.pool().origins {
        for idle in &origin.idle {
            println!("{}: connection {} has carried {} requests", origin.origin, idle.id, idle.requests);
            println!("  kept for {:?}; a POST may use it for {:?}", idle.usable, idle.settled);
        }
    }
    Ok(())
}
