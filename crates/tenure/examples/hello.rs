//! The smallest server: `cargo run -p tenure --example hello`.

use std::convert::Infallible;

use http::{Request, Response};
use tenure::Body;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    eprintln!("listening on http://{}", listener.local_addr()?);
    let hello =
        tower::service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new(Body::from("hello\n"))) });
    tenure::server::serve(listener, hello).await
}
