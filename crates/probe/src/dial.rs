//! Connections to the server: TCP, with TLS for https.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use http::Uri;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, HandshakeKind, RootCertStore};

use crate::BoxFuture;
use crate::failure::Failure;

/// A connection's bytes.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection that was just made.
pub struct Opened {
    /// Its bytes; under TLS those within.
    pub stream: Box<dyn Stream>,
    /// What the handshake agreed on, under TLS.
    pub tls: Option<TlsFacts>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("tls", &self.tls).finish_non_exhaustive()
    }
}

/// What a TLS handshake agreed on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsFacts {
    /// As `TLSv1_3`.
    pub version: String,
    /// The protocol chosen by ALPN, if any.
    pub alpn: Option<String>,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
}

/// Makes connections to the server under test.
pub trait Dial: Send + Sync {
    /// A connection as the URL's scheme wants it.
    fn dial(&self) -> BoxFuture<'_, Result<Opened, Failure>>;

    /// The same without TLS, to find out what the port speaks.
    fn dial_plain(&self) -> BoxFuture<'_, Result<Opened, Failure>>;

    /// The address that answers, once known.
    fn address(&self) -> Option<SocketAddr>;
}

/// Over TCP. All connections go to the first address of the host that takes one, so that one server is measured and not
/// several in turn.
pub struct Tcp {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    address: OnceLock<SocketAddr>,
}

impl Tcp {
    /// To the host of `uri`, an http or https URL. `roots` are the certificates to trust instead of the platform's, as PEM.
    ///
    /// # Errors
    /// The URL names no host, or there are no certificates to trust.
    pub fn new(uri: &Uri, roots: Option<&[u8]>) -> Result<Self, Failure> {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let secure = uri.scheme() == Some(&http::uri::Scheme::HTTPS);
        let tls = if secure { Some(connector(&host, roots)?) } else { None };
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Ok(Self { host, port, tls, address: OnceLock::new() })
    }

    async fn tcp(&self) -> Result<TcpStream, Failure> {
        let place = || format!("{}:{}", self.host, self.port);
        if let Some(address) = self.address.get() {
            return connected(*address).await.map_err(|error| Failure::unreachable(&place(), &error));
        }
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let addresses = found.map_err(|error| Failure::UnknownHost(format!("{}: {error}", self.host)))?;
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            match connected(address).await {
                Ok(tcp) => {
                    // Another connection may have been first: then that one's address stays.
                    let _ = self.address.set(address);
                    return Ok(tcp);
                }
                Err(error) => last = error,
            }
        }
        Err(Failure::unreachable(&place(), &last))
    }

    async fn open(&self) -> Result<Opened, Failure> {
        let tcp = self.tcp().await?;
        let Some((connector, name)) = &self.tls else {
            return Ok(Opened { stream: Box::new(tcp), tls: None });
        };
        let tls = connector.connect(name.clone(), tcp).await.map_err(|error| Failure::Tls(error.to_string()))?;
        let session = tls.get_ref().1;
        let facts = TlsFacts {
            version: session.protocol_version().map_or_else(|| "unknown".to_owned(), |version| format!("{version:?}")),
            alpn: session.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
            resumed: session.handshake_kind() == Some(HandshakeKind::Resumed),
        };
        Ok(Opened { stream: Box::new(tls), tls: Some(facts) })
    }
}

impl Dial for Tcp {
    fn dial(&self) -> BoxFuture<'_, Result<Opened, Failure>> {
        Box::pin(self.open())
    }

    fn dial_plain(&self) -> BoxFuture<'_, Result<Opened, Failure>> {
        Box::pin(async { Ok(Opened { stream: Box::new(self.tcp().await?), tls: None }) })
    }

    fn address(&self) -> Option<SocketAddr> {
        self.address.get().copied()
    }
}

async fn connected(address: SocketAddr) -> io::Result<TcpStream> {
    let tcp = TcpStream::connect(address).await?;
    // Times are measured: nothing may wait for an acknowledgement.
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

fn connector(host: &str, pem: Option<&[u8]>) -> Result<(TlsConnector, ServerName<'static>), Failure> {
    let name = ServerName::try_from(host.to_owned()).map_err(|error| Failure::Tls(format!("{host}: {error}")))?;
    let mut roots = RootCertStore::empty();
    match pem {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| Failure::Tls(error.to_string()))?;
                roots.add(certificate).map_err(|error| Failure::Tls(error.to_string()))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(Failure::Tls("there is no root certificate to trust".to_owned()));
    }
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((TlsConnector::from(Arc::new(config)), name))
}
