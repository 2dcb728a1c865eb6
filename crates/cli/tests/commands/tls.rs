//! Secure connections: whom the commands trust, and what they say when they do not.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

use crate::support::{Peer, Serve, self_signed, tenure};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A server's identity, self-signed, and the file with its certificate.
fn identity(dir: &Path, host: &str, is_ca: IsCa) -> (Arc<ServerConfig>, PathBuf) {
    let mut params = CertificateParams::new([host.to_owned()]).unwrap();
    params.is_ca = is_ca;
    let key = KeyPair::generate().unwrap();
    let cert = params.self_signed(&key).unwrap();
    let file = dir.join("cert.pem");
    fs::write(&file, cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.der().clone()], key);
    (Arc::new(config.unwrap()), file)
}

#[test]
fn a_server_that_is_vouched_for() {
    let dir = tempfile::tempdir().unwrap();
    let (config, file) = identity(dir.path(), "127.0.0.1", IsCa::NoCa);
    let peer = Peer::new(move |accept| {
        let mut conn = accept.next_secure(config);
        [conn.answer(OK), conn.answer(OK)]
    });
    let urls = ["/1", "/2"].map(|path| peer.url(path).replace("http://", "https://"));
    let ran = tenure(["get", &urls[0], &urls[1], "--cacert", file.to_str().unwrap()]).expect(0);
    assert_eq!(ran.out, "okok");
    assert!(ran.err.contains("2 files fetched over 1 connection, 0 failed"), "{}", ran.err);
    assert!(ran.err.contains("handshakes saved     1, TCP and TLS;"), "{}", ran.err);
    assert_eq!(peer.end().map(|got| got.line), ["GET /1 HTTP/1.1", "GET /2 HTTP/1.1"]);
}

/// What `get` advises about a server with this identity.
fn refused(host: &str, is_ca: IsCa, is_trusted: bool) -> String {
    let dir = tempfile::tempdir().unwrap();
    let (config, file) = identity(dir.path(), host, is_ca);
    let peer = Peer::new(move |accept| assert!(accept.next_secure(config).head().is_none()));
    let url = peer.url("/").replace("http://", "https://");
    let options = ["--cacert", file.to_str().unwrap()];
    let args = ["get", &url].into_iter().chain(options.into_iter().filter(|_| is_trusted));
    let ran = tenure(args).expect(1);
    peer.end();
    ran.err
}

#[test]
fn a_server_that_is_not_and_what_to_do() {
    let unknown = refused("127.0.0.1", IsCa::NoCa, false);
    assert!(unknown.contains("what to do: if you trust this server") && unknown.contains("--cacert FILE"), "{unknown}");
    let other = refused("other.example", IsCa::NoCa, true);
    assert!(other.contains("what to do: the server's certificate names other hosts"), "{other}");
    let authority = refused("127.0.0.1", IsCa::Ca(BasicConstraints::Unconstrained), true);
    assert!(authority.contains("basicConstraints=critical,CA:FALSE"), "{authority}");
}

#[test]
fn a_server_that_does_not_speak_tls() {
    let peer = Peer::new(|accept| {
        let mut conn = accept.next();
        conn.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        conn.drain()
    });
    let ran = tenure(["get", &peer.url("/").replace("http://", "https://")]).expect(1);
    assert!(peer.end() > 0);
    assert!(ran.err.contains("does the server want http:// there?"), "{}", ran.err);
}

/// A server of our own, and what `--cacert` takes.
#[test]
fn our_own_server_speaks_https_and_reads_its_files_again() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let issue = || self_signed(dir.path());
    let (cert, key) = issue();
    fs::copy(&cert, file("old.pem")).unwrap();
    let stored = file("stored");
    let server = Serve::start(["--uploads", &stored, "--cert", &cert, "--key", &key]);
    assert!(server.url.starts_with("https://127.0.0.1:"), "{}", server.url);

    fs::write(file("a"), "first").unwrap();
    fs::write(file("b"), "second").unwrap();
    let to = format!("{}/{{name}}", server.url);
    let sent = ["send", "--method", "PUT", "--to", &to, "--cacert", &file("old.pem"), &file("a"), &file("b")];
    let ran = tenure(sent).expect(0);
    assert!(ran.out.contains("over 1 connection"), "{}", ran.out);
    assert_eq!(fs::read_to_string(dir.path().join("stored/b")).unwrap(), "second");

    let get = |trusted: &str| tenure(["get", &format!("{}/a", server.url), "--cacert", &file(trusted)]);
    fs::write(&key, "not a key").unwrap();
    let told = server.hang_up();
    assert!(told.contains("the certificate in use stays") && told.contains("key.pem"), "{told}");
    assert_eq!(get("old.pem").expect(0).out, "first");
    issue();
    assert_eq!(server.hang_up(), "certificate and key read again\n");
    assert_eq!(get("cert.pem").expect(0).out, "first");
    get("old.pem").expect(1);
    server.interrupt();
    assert_eq!(server.end(), Some(0));
}

#[test]
fn a_server_without_a_usable_pair_does_not_start() {
    let ran = tenure(["serve", "--cert", "missing.pem", "--key", "missing.pem"]).expect(2);
    assert!(ran.err.contains("tenure serve: missing.pem: "), "{}", ran.err);
    let ran = tenure(["serve", "--cert", "missing.pem"]).expect(2);
    assert!(ran.err.contains("--key"), "{}", ran.err);
}
