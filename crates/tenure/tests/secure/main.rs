//! The server over TLS, against rustls' own client on real sockets.
#![cfg(feature = "tls")]

#[path = "../common/mod.rs"]
mod common;

mod certificates;
mod combined;
mod endings;
mod handshake;
#[cfg(target_os = "linux")]
mod park;
mod traffic;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use http::{Request, Response};
use tempfile::TempDir;
use tenure::server::Server;
use tenure::server::tls::Certificates;
use tenure::{Body, ConnectionInfo};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use common::*;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

type Secure = Peer<TlsStream<TcpStream>>;

/// A certificate for `localhost` in files of its own, and who trusts it.
struct Place {
    folder: TempDir,
    certificates: Certificates,
    trusting: Arc<ClientConfig>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let roots = issue(&folder, "localhost");
        let certificates = Certificates::from_files(folder.path().join("chain.pem"), folder.path().join("key.pem"));
        Self { certificates: certificates.unwrap(), trusting: Arc::new(trust(roots)), folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn server(&self) -> Server {
        Server::new().tls(&self.certificates).connection_info(true)
    }
}

/// Writes a new certificate and its key.
fn issue(folder: &TempDir, name: &str) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    std::fs::write(folder.path().join("chain.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

fn trust(certificate: CertificateDer<'static>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
}

async fn try_connect(address: SocketAddr, config: &Arc<ClientConfig>) -> std::io::Result<Secure> {
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    let name = ServerName::try_from("localhost").unwrap();
    Ok(Peer::over(TlsConnector::from(Arc::clone(config)).connect(name, tcp).await?))
}

async fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> Secure {
    try_connect(address, config).await.expect("a handshake")
}

/// What the handler sees of its connection.
async fn facts(request: Request<Body>) -> Result<Response<Body>, BoxError> {
    let info = request.extensions().get::<ConnectionInfo>().ok_or("no connection info")?;
    Ok(Response::new(Body::from(told(info)?)))
}

fn told(info: &ConnectionInfo) -> Result<String, BoxError> {
    let tls = info.tls.as_ref().ok_or("no TLS facts")?;
    let (alpn, name) = (tls.alpn.as_deref().unwrap_or("-"), tls.server_name.as_deref().unwrap_or("-"));
    let how = if tls.is_resumed { "resumed" } else { "full" };
    Ok(format!("{} {} {:?} {alpn} {name} {how}", info.id, info.request, tls.version))
}
