//! TLS: the files of the certificate and its key, read again at SIGHUP.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use tenure::server::Server;
use tenure::server::tls::Certificates;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::net::readiness;

/// The options that make it https.
#[derive(clap::Args)]
#[command(next_help_heading = "TLS")]
pub(super) struct TlsOptions {
    /// Speak https: the certificate, then those that lead to its root (PEM). Read again at SIGHUP,
    /// with the key; a pair that cannot be used leaves the one before in use
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// The certificate's private key (PEM); may be in the same file
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
}

impl TlsOptions {
    /// The scheme of what is served.
    pub(super) const fn scheme(&self) -> &'static str {
        if self.cert.is_some() { "https" } else { "http" }
    }

    /// The server, with TLS if it is wanted. From then on SIGHUP means to read the files again.
    ///
    /// # Errors
    /// The pair cannot be used, or the signal not be caught.
    pub(super) fn apply(self, server: Server) -> Result<Server, Box<dyn Error>> {
        let (Some(cert), Some(key)) = (self.cert, self.key) else { return Ok(server) };
        let certificates = Certificates::from_files(cert, key)?;
        let server = server.tls(&certificates);
        tokio::spawn(reload(certificates, signal(SignalKind::hangup())?));
        Ok(server)
    }
}

async fn reload(certificates: Certificates, mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        warn(readiness::reloading());
        match certificates.reload() {
            Ok(()) => eprintln!("certificate and key read again"),
            Err(error) => eprintln!("tenure serve: the certificate in use stays: {error}"),
        }
        warn(readiness::ready());
    }
}

fn warn(told: Result<(), impl fmt::Display>) {
    if let Err(error) = told {
        eprintln!("tenure serve: {error}");
    }
}
