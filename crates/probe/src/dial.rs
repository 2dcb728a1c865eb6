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
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ALL_VERSIONS, ClientConfig, HandshakeKind, RootCertStore, SupportedProtocolVersion};

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

/// What a handshake offers that is not the usual one: TLS 1.2 and 1.3, and HTTP/1.1 by ALPN.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Offer {
    /// TLS 1.2 alone.
    Tls12,
    /// TLS 1.3 alone.
    Tls13,
    /// HTTP/2 too, before HTTP/1.1.
    Http2,
}

/// Makes connections to the server under test.
pub trait Dial: Send + Sync {
    /// A connection as the URL's scheme wants it.
    fn dial(&self) -> BoxFuture<'_, Result<Opened, Failure>>;

    /// A connection over TLS with this offer. It resumes sessions of the same offer only.
    fn dial_tls(&self, offer: Offer) -> BoxFuture<'_, Result<Opened, Failure>>;

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
    tls: Option<Tls>,
    address: OnceLock<SocketAddr>,
}

/// One connector for each offer, since each keeps its own sessions.
struct Tls {
    name: ServerName<'static>,
    usual: TlsConnector,
    tls12: TlsConnector,
    tls13: TlsConnector,
    http2: TlsConnector,
}

impl Tcp {
    /// To the host of `uri`, an http or https URL. `roots` are the certificates to trust instead of the platform's, as PEM.
    ///
    /// # Errors
    /// The URL names no host, or there are no certificates to trust.
    pub fn new(uri: &Uri, roots: Option<&[u8]>) -> Result<Self, Failure> {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let secure = uri.scheme() == Some(&http::uri::Scheme::HTTPS);
        let tls = if secure { Some(Tls::new(&host, roots)?) } else { None };
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

    async fn open(&self, offer: Option<Offer>) -> Result<Opened, Failure> {
        let tcp = self.tcp().await?;
        let Some(Tls { name, usual, tls12, tls13, http2 }) = &self.tls else {
            return Ok(Opened { stream: Box::new(tcp), tls: None });
        };
        let connector = match offer {
            None => usual,
            Some(Offer::Tls12) => tls12,
            Some(Offer::Tls13) => tls13,
            Some(Offer::Http2) => http2,
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
        Box::pin(self.open(None))
    }

    fn dial_tls(&self, offer: Offer) -> BoxFuture<'_, Result<Opened, Failure>> {
        Box::pin(self.open(Some(offer)))
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

impl Tls {
    fn new(host: &str, pem: Option<&[u8]>) -> Result<Self, Failure> {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| Failure::Tls(format!("{host}: {error}")))?;
        let roots = Arc::new(trusted(pem)?);
        let connector = |versions: &[&'static SupportedProtocolVersion], alpn: &[&str]| {
            let config = ClientConfig::builder_with_protocol_versions(versions);
            let mut config = config.with_root_certificates(Arc::clone(&roots)).with_no_client_auth();
            config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
            TlsConnector::from(Arc::new(config))
        };
        Ok(Self {
            usual: connector(ALL_VERSIONS, &["http/1.1"]),
            tls12: connector(&[&TLS12], &["http/1.1"]),
            tls13: connector(&[&TLS13], &["http/1.1"]),
            http2: connector(ALL_VERSIONS, &["h2", "http/1.1"]),
            name,
        })
    }
}

/// The certificates of `pem`, or the platform's.
fn trusted(pem: Option<&[u8]>) -> Result<RootCertStore, Failure> {
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
    Ok(roots)
}
