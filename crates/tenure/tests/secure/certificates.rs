//! Certificates and keys in files, read again when told.

use super::*;

#[test]
fn a_reload_is_for_the_handshakes_from_then_on() {
    run(async {
        let place = Place::new();
        let served = serve_with(place.server(), facts).await;
        let mut old = connect(served.address, &place.trusting).await;
        let renewed = Arc::new(trust(issue(&place.folder, "localhost")));
        assert!(try_connect(served.address, &renewed).await.is_err(), "not before the reload");
        place.certificates.reload().unwrap();
        connect(served.address, &renewed).await;
        assert_eq!(old.ask(GET).await.status(), 200, "open connections go on");
    });
}

#[test]
fn a_bad_pair_is_refused_by_the_files_name_and_the_old_one_stays() {
    run(async {
        let place = Place::new();
        let served = serve_with(place.server(), facts).await;
        let other = Place::new();
        let bad = [
            ("chain.pem", String::new(), "chain.pem: no certificate"),
            (
                "chain.pem",
                "-----BEGIN CERTIFICATE-----\n???\n-----END CERTIFICATE-----\n".to_owned(),
                "chain.pem: not a",
            ),
            ("key.pem", "hello".to_owned(), "key.pem: no private key"),
            ("key.pem", std::fs::read_to_string(other.file("key.pem")).unwrap(), "key.pem: not the key of"),
        ];
        for (name, text, expected) in bad {
            let good = std::fs::read(place.file(name)).unwrap();
            std::fs::write(place.file(name), text).unwrap();
            let error = place.certificates.reload().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            std::fs::write(place.file(name), good).unwrap();
        }
        std::fs::remove_file(place.file("chain.pem")).unwrap();
        let error = place.certificates.reload().unwrap_err();
        assert!(error.kind() == std::io::ErrorKind::NotFound && error.to_string().contains("chain.pem"), "{error}");
        connect(served.address, &place.trusting).await;
    });
}
