//! The heap that a parked TLS connection holds, counted by the allocator.
//!
//! A program of its own: the counter is one for the whole process; the clients' threads are left out.
#![cfg(all(target_os = "linux", feature = "tls"))]

#[path = "common/mod.rs"]
mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use http::Response;
use tenure::Body;
use tenure::server::Server;
use tenure::server::tls::Certificates;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};

use common::counting::{self, Counting, live};
use common::{connection_tasks, run};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const CONNECTIONS: usize = 256;

#[test]
fn a_parked_tls_connection_holds_no_buffers() {
    run(async {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
        std::fs::write(&chain, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();

        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let handler = tower::service_fn(|_: http::Request<Body>| async {
            Ok::<_, std::convert::Infallible>(Response::new(Body::from("fine")))
        });
        let certificates = Certificates::from_files(chain, key).unwrap();
        let server = Server::new().tls(&certificates).park_after(Some(Duration::from_millis(100)));
        tokio::spawn(server.serve(listener, handler, std::future::pending::<()>()));

        // The first ones warm everything up.
        let mut peers = Vec::with_capacity(3 * CONNECTIONS);
        peers.extend(ask(address, config(&roots, &TLS13)).await);
        until(|| connection_tasks() == 0).await;
        for version in [&TLS13, &TLS12] {
            let before = live();
            peers.extend(ask(address, config(&roots, version)).await);
            until(|| connection_tasks() == 0).await;
            let parked = (live() - before) as f64 / CONNECTIONS as f64;
            println!("live heap a parked connection, {:?}: {parked:.0} bytes", version.version);
            assert!(parked <= 3584.0, "{parked} bytes of live heap a parked connection");
            assert!(parked > 1000.0, "{parked} bytes: nothing was measured");
        }
    });
}

/// Each handshake a full one.
fn config(roots: &RootCertStore, version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_protocol_versions(&[version]);
    let mut config = builder.with_root_certificates(roots.clone()).with_no_client_auth();
    config.resumption = Resumption::disabled();
    Arc::new(config)
}

/// Opens connections and has a request answered on each. Their sockets stay.
async fn ask(address: SocketAddr, config: Arc<ClientConfig>) -> Vec<TcpStream> {
    let work = move || {
        counting::leave_out_this_thread();
        let one = || {
            let name = ServerName::try_from("localhost").map_err(std::io::Error::other)?;
            let session = ClientConnection::new(Arc::clone(&config), name).map_err(std::io::Error::other)?;
            let mut stream = StreamOwned::new(session, TcpStream::connect(address)?);
            stream.write_all(GET)?;
            let (mut answer, mut len) = ([0; 1024], 0);
            while !answer[..len].ends_with(b"fine") {
                len += match stream.read(&mut answer[len..])? {
                    0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                    n => n,
                };
            }
            Ok(stream.sock)
        };
        (0..CONNECTIONS).map(|_| one()).collect::<std::io::Result<Vec<_>>>()
    };
    tokio::task::spawn_blocking(work).await.unwrap().unwrap()
}

/// Waits, by looking again, for what nothing tells of.
async fn until(done: impl Fn() -> bool) {
    while !done() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
