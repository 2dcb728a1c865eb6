//! Why there was no answer: whether the port speaks something else.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::failure::Failure;
use crate::lab::Lab;
use crate::line::{Line, Trouble};

/// How long a port may take to show that it speaks something else.
const MOMENT: Duration = Duration::from_secs(2);

/// What `trouble` in the first exchange comes from.
pub(crate) async fn of(lab: &Lab, trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Dial(Failure::Tls(why)) => {
            if why.contains("NoApplicationProtocol") {
                return Failure::SpeaksHttp2;
            }
            // Some answer a plain request on a TLS port, with a 400: that is not what they speak.
            if speaks_tls(lab).await {
                return Failure::Tls(why);
            }
            let plain = format!("HEAD / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", lab.target.authority);
            let answer = first_bytes(lab, plain.as_bytes()).await;
            if answer.starts_with(b"HTTP/") { Failure::SpeaksPlain } else { Failure::Tls(why) }
        }
        Trouble::Dial(failure) => failure,
        trouble => match other_protocol(lab).await {
            Some(failure) => failure,
            None => named(trouble),
        },
    }
}

fn named(trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Dial(failure) => failure,
        Trouble::Silent(after) => Failure::NoAnswer { after },
        Trouble::Malformed(what) | Trouble::NotPossible(what) => Failure::NotHttp(what),
        ended @ Trouble::Ended(_) => Failure::Ended(ended.to_string()),
    }
}

/// Whether a port that was asked in plain HTTP/1.1 speaks TLS or HTTP/2.
pub(crate) async fn other_protocol(lab: &Lab) -> Option<Failure> {
    if lab.target.secure {
        return None;
    }
    if speaks_tls(lab).await {
        return Some(Failure::SpeaksTls);
    }
    // RFC 9113 section 3.4: the preface and an empty SETTINGS frame; a server answers with SETTINGS (type 4).
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let answer = first_bytes(lab, preface).await;
    (answer.len() >= 9 && answer[3] == 4 && !answer.starts_with(b"HTTP")).then_some(Failure::SpeaksHttp2)
}

/// Whether a TLS hello is answered by TLS: a hello (22) or an alert (21).
async fn speaks_tls(lab: &Lab) -> bool {
    let Some(hello) = client_hello() else { return false };
    matches!(first_bytes(lab, &hello).await.as_slice(), [0x16 | 0x15, 0x03, ..])
}

/// What the server says first to these bytes; empty if nothing.
async fn first_bytes(lab: &Lab, bytes: &[u8]) -> Vec<u8> {
    let said = async {
        let place = Arc::clone(&lab.room).acquire_owned().await.ok()?;
        let opened = lab.dial.dial_plain().await.ok()?;
        let mut line = Line::new(opened, lab.patience, place, lab.recorder.track());
        line.write(bytes).await.ok()?;
        let said = line.first_bytes(Instant::now() + MOMENT.min(lab.patience)).await?;
        Some(said.to_vec())
    };
    timeout(lab.patience, said).await.ok().flatten().unwrap_or_default()
}

fn client_hello() -> Option<Vec<u8>> {
    let config = ClientConfig::builder().with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    let name = ServerName::try_from("localhost").ok()?;
    let mut hello = Vec::new();
    ClientConnection::new(config.into(), name).ok()?.write_tls(&mut hello).ok()?;
    Some(hello)
}
