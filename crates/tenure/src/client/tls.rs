//! https, by rustls.

use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::Builder;
use super::connect::Secured;
use super::origin::Origin;
use super::stream::{Socket, Stream};
use crate::error::{Error, Kind};
use crate::tls::facts;
use crate::{BoxError, Fate};

/// How this client speaks TLS; by default with the platform's roots, read when first needed.
#[derive(Clone, Default)]
pub(crate) struct Tls {
    config: Option<Arc<ClientConfig>>,
}

impl Builder {
    /// Trust these certificates (PEM, one or more) and no others. Default: the platform's roots.
    ///
    /// # Errors
    /// The text holds no certificate, or one that cannot be read.
    pub fn root_certificates(self, pem: &[u8]) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let added = certificate.map_err(BoxError::from).and_then(|der| Ok(roots.add(der)?));
            added.map_err(|e| Error::new(Kind::Request(e), Fate::NotSent))?;
        }
        if roots.is_empty() {
            let none = "no certificate: PEM text with a line -----BEGIN CERTIFICATE----- is needed";
            return Err(Error::new(Kind::Request(none.into()), Fate::NotSent));
        }
        Ok(self.rustls(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())))
    }

    /// Speak TLS by this configuration.
    pub fn rustls(mut self, config: Arc<ClientConfig>) -> Self {
        self.tls = Tls { config: Some(config) };
        self
    }
}

impl Tls {
    pub(crate) async fn connect(&self, origin: &Origin, socket: Socket) -> Result<Secured, BoxError> {
        let config = match &self.config {
            Some(config) => Arc::clone(config),
            None => platform_config()?,
        };
        let name = ServerName::try_from(origin.host().to_string())?;
        // Addresses are not asked for by name (RFC 6066 section 3).
        let asked = matches!(name, ServerName::DnsName(_)).then_some(origin.host());
        let stream = TlsConnector::from(config).connect(name, socket).await?;
        let facts = facts(stream.get_ref().1, asked).map(Arc::new);
        Ok((Box::new(stream), facts))
    }
}

impl Stream for TlsStream<Socket> {
    fn socket(&self) -> &Socket {
        self.get_ref().0
    }
}

/// The platform's root certificates, read once for the whole process, sessions shared.
fn platform_config() -> Result<Arc<ClientConfig>, BoxError> {
    static CONFIG: std::sync::OnceLock<Arc<ClientConfig>> = std::sync::OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(Arc::clone(config));
    }
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(native.certs);
    if roots.is_empty() {
        let why = native.errors.first().map_or_else(|| "none found".to_owned(), ToString::to_string);
        return Err(format!("no root certificates on this platform ({why}); name one with a CA file").into());
    }
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(Arc::clone(CONFIG.get_or_init(|| Arc::new(config))))
}
