//! What the server shows over TLS: a certificate made on the spot, or given files.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// The names that a certificate made on the spot is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A certificate with its key, and what a client must trust to accept it.
#[derive(Clone, Debug)]
pub struct Identity {
    pub(crate) config: Arc<ServerConfig>,
    ca: String,
}

impl Identity {
    /// A certificate for `localhost`, `127.0.0.1` and `::1`, by a certification authority (CA) whose key is
    /// forgotten at once.
    ///
    /// # Errors
    /// The cryptography fails, which nothing here can bring about.
    pub fn made() -> io::Result<Self> {
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        ca.distinguished_name.push(DnType::CommonName, "tenure misbehave, for this run alone");
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().map_err(io::Error::other)?);
        let ca = ca.map_err(io::Error::other)?;
        let mut leaf = CertificateParams::new(NAMES.map(str::to_owned)).map_err(io::Error::other)?;
        leaf.use_authority_key_identifier_extension = true;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.distinguished_name.push(DnType::CommonName, "localhost");
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let leaf = leaf.signed_by(&key, &ca).map_err(io::Error::other)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Self::of(vec![leaf.der().clone()], key, ca.pem())
    }

    /// The certificates of one PEM file, the first of them the server's, and the key of another.
    ///
    /// # Errors
    /// A file cannot be read or holds nothing of the kind, or certificate and key do not fit.
    pub fn from_files(cert: &Path, key: &Path) -> io::Result<Self> {
        let named = |file: &Path, error| io::Error::other(format!("{}: {error}", file.display()));
        let pem = std::fs::read_to_string(cert).map_err(|error| named(cert, error.to_string()))?;
        let chain = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| named(cert, error.to_string()))?;
        if chain.is_empty() {
            return Err(named(cert, "no certificate in it (PEM)".to_owned()));
        }
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| named(key, error.to_string()))?;
        Self::of(chain, private, pem)
    }

    fn of(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>, ca: String) -> io::Result<Self> {
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key))
            .map_err(io::Error::other)?;
        Ok(Self { config: Arc::new(config), ca })
    }

    /// What a client must trust, as PEM: the CA's certificate, or those of the given file.
    pub fn ca(&self) -> &str {
        &self.ca
    }
}
