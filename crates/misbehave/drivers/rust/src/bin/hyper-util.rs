//! hyper-util's legacy client: one for each lane.

#[path = "../../../../examples/driver/session.rs"]
mod session;
#[path = "../../../../examples/driver/tour.rs"]
mod tour;

use std::io;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tour::{Got, Step};

type Hyper = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

fn open(ca: Option<&[u8]>) -> io::Result<Hyper> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca.unwrap_or_default()) {
        roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let connector = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

async fn ask(client: &Hyper, step: &Step) -> Got {
    let request = Request::builder().method(&step.method).uri(&step.url).header("x-request-id", &step.id);
    let answer = client.request(request.body(Full::from(vec![b'c'; step.content]))?).await?;
    let (head, body) = answer.into_parts();
    body.collect().await?;
    let id = head.headers.get("x-request-id").map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
    Ok((head.status.as_u16(), id.unwrap_or_default()))
}

fn main() -> io::Result<()> {
    // It fails only where there is a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ca = session::ca()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(session::run(|| open(ca.as_deref()), ask))
}
