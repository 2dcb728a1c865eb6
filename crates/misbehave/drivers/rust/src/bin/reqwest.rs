//! reqwest: a Client for each lane.

#[path = "../../../../examples/driver/session.rs"]
mod session;
#[path = "../../../../examples/driver/tour.rs"]
mod tour;

use std::io;

use tour::{Got, Step};

fn open(ca: Option<&[u8]>) -> io::Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder().no_proxy();
    if let Some(pem) = ca {
        builder = builder.tls_certs_only(reqwest::Certificate::from_pem_bundle(pem).map_err(io::Error::other)?);
    }
    builder.build().map_err(io::Error::other)
}

async fn ask(client: &reqwest::Client, step: &Step) -> Got {
    let mut request = client.request(step.method.clone(), &step.url).header("x-request-id", &step.id);
    if step.content > 0 {
        request = request.body(vec![b'c'; step.content]);
    }
    let answer = request.send().await?;
    let id = answer.headers().get("x-request-id").map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
    let status = answer.status().as_u16();
    answer.bytes().await?;
    Ok((status, id.unwrap_or_default()))
}

fn main() -> io::Result<()> {
    // It fails only where there is a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ca = session::ca()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(session::run(|| open(ca.as_deref()), ask))
}
