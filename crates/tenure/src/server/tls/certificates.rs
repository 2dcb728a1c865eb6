//! A certificate chain and its key, from files that may change while the server runs.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error, InconsistentKeys, ServerConfig};

/// What may be spoken above TLS (RFC 7301): a client that offers only other protocols is refused.
const PROTOCOLS: [&[u8]; 2] = [b"http/1.1", b"http/1.0"];

/// A certificate chain and its private key, read from PEM files. Clones share them.
#[derive(Clone, Debug)]
pub struct Certificates {
    pair: Arc<Pair>,
    config: Arc<ServerConfig>,
}

#[derive(Debug)]
struct Pair {
    chain: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    /// Read by every full handshake, written by a reload.
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificates {
    /// Reads `chain` (the server's certificate first, then those that lead to the root) and `key`
    /// (PKCS#8, PKCS#1 or SEC1). Both may be the same file.
    ///
    /// # Errors
    /// A file cannot be read, holds nothing of the kind, or the key is not the certificate's. The
    /// error names the file.
    pub fn from_files(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> io::Result<Self> {
        let (chain, key) = (chain.into(), key.into());
        let provider = CryptoProvider::get_default().map_or_else(|| Arc::new(ring::default_provider()), Arc::clone);
        let current = RwLock::new(Arc::new(read(&chain, &key, &provider)?));
        let pair = Arc::new(Pair { chain, key, provider: Arc::clone(&provider), current });
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(io::Error::other)?.with_no_client_auth();
        let mut config = builder.with_cert_resolver(Arc::clone(&pair) as _);
        config.alpn_protocols = PROTOCOLS.map(Vec::from).to_vec();
        config.ticketer = ring::Ticketer::new().map_err(io::Error::other)?;
        Ok(Self { pair, config: Arc::new(config) })
    }

    /// Reads both files again, for the handshakes from now on; connections that are open go on.
    ///
    /// # Errors
    /// As [`Certificates::from_files`]; then the former pair stays in use.
    pub fn reload(&self) -> io::Result<()> {
        let Pair { chain, key, provider, current } = &*self.pair;
        let new = Arc::new(read(chain, key, provider)?);
        *current.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// For a configuration of one's own: what answers a handshake with the pair of the moment.
    pub fn resolver(&self) -> Arc<dyn ResolvesServerCert> {
        Arc::clone(&self.pair) as _
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

impl ResolvesServerCert for Pair {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn read(chain: &Path, key: &Path, provider: &CryptoProvider) -> io::Result<CertifiedKey> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(chain, error, "certificate", "-----BEGIN CERTIFICATE-----"))?;
    if certificates.is_empty() {
        return Err(unreadable(chain, pem::Error::NoItemsFound, "certificate", "-----BEGIN CERTIFICATE-----"));
    }
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| unreadable(key, error, "private key", "-----BEGIN PRIVATE KEY-----"))?;
    CertifiedKey::from_der(certificates, private, provider).map_err(|error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            let (key, chain) = (key.display(), chain.display());
            bad(format!("{key}: not the key of the first certificate in {chain}; give the two that belong together"))
        }
        // The certificate is looked at first.
        Error::InvalidCertificate(_) => bad(format!("{}: {error}", chain.display())),
        error => bad(format!("{}: {error}", key.display())),
    })
}

fn unreadable(file: &Path, error: pem::Error, what: &str, begin: &str) -> io::Error {
    let file = file.display();
    match error {
        pem::Error::Io(error) => io::Error::new(error.kind(), format!("{file}: {error}")),
        pem::Error::NoItemsFound => bad(format!("{file}: no {what}; PEM text with a line {begin} is needed")),
        error => bad(format!("{file}: not a {what} in PEM: {error}")),
    }
}

fn bad(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}
