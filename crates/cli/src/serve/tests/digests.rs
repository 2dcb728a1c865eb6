//! RFC 9530 end to end: in header sections, in trailer sections, right, wrong and malformed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256, Sha512};

use super::*;

fn sha256(content: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(content)))
}

fn sha512(content: &[u8]) -> String {
    format!("sha-512=:{}:", STANDARD.encode(Sha512::digest(content)))
}

#[tokio::test]
async fn digests_in_the_header_section() {
    let server = Server::uploads_only();
    let content = vec![b'x'; 300_000];
    let right = format!("{}, {}", sha256(&content), sha512(&content));
    let half_wrong = format!("{}, {}", sha256(&content), sha512(b"y"));
    let with_unknown = format!("md5=:AAAA:, {}", sha256(&content));
    let rows: &[(&str, &str, u16)] = &[
        ("content-digest", &right, 201),
        ("repr-digest", &right, 204),
        ("content-digest", &with_unknown, 204),
        ("content-digest", &half_wrong, 400),
        ("repr-digest", &sha256(b""), 400),
        ("content-digest", "md5=:AAAA:", 400),
        ("content-digest", "sha-256=abc", 400),
        ("content-digest", "sha-256=:AAAA:", 400),
        ("repr-digest", "", 400),
    ];
    for (field, value, status) in rows {
        for body in [whole(content.clone()), pieces(content.chunks(70_000))] {
            let reply = server.send(request("PUT", "/a", &[(field, value)], body)).await;
            // The first row makes the file, and everything after replaces it.
            let status = if *status == 201 && reply.status == 204 { 204 } else { *status };
            assert_eq!(reply.status, status, "{field}: {value}: {}", reply.text());
        }
        if *status == 400 {
            std::fs::remove_file(server.root().join("a")).ok();
            let body = whole(content.clone());
            let reply = server.send(request("PUT", "/a", &[(field, value)], body)).await;
            assert_eq!(reply.status, 400);
            assert_eq!(server.everything(), Vec::<String>::new(), "{field}: {value}");
        }
    }
}

#[tokio::test]
async fn a_mismatch_says_what_was_received() {
    let server = Server::uploads_only();
    let fields = [("content-digest", sha256(b"sent"))];
    let fields = [("content-digest", fields[0].1.as_str())];
    let reply = server.ask("POST", "/a", &fields, "received").await;
    assert_eq!(reply.status, 400);
    let received = STANDARD.encode(Sha256::digest(b"received"));
    assert!(reply.text().contains(&received), "{}", reply.text());
    let reply = server.ask("POST", "/a", &[("repr-digest", "md5=:AAAA:")], "x").await;
    assert_eq!(reply.field("want-content-digest"), "sha-512=3, sha-256=10");
    // Said before the content is taken: the error in it is never reached.
    for value in ["md5=:AAAA:", "nonsense"] {
        let request = request("PUT", "/a", &[("repr-digest", value)], broken_off(&[]));
        let reply = server.send(request).await;
        assert!(reply.status == 400 && !reply.text().contains("broke off"), "{}", reply.text());
    }
}

#[tokio::test]
async fn digests_in_the_trailer_section() {
    let server = Server::uploads_only();
    let content: &[&[u8]] = &[b"in ", b"three ", b"pieces"];
    let right = sha256(b"in three pieces");
    let right_512 = sha512(b"in three pieces");
    let wrong = sha256(b"something else");
    // Header, trailers, status.
    type Row<'a> = (Option<&'a str>, &'a [(&'static str, &'a str)], u16);
    let rows: &[Row<'_>] = &[
        (None, &[("content-digest", &right)], 201),
        (None, &[("repr-digest", &right_512)], 201),
        (None, &[("content-digest", &right), ("repr-digest", &right_512)], 201),
        (Some(&right), &[("content-digest", &right_512)], 201),
        (Some(&right), &[("x-other", "1")], 201),
        (None, &[("content-digest", &wrong)], 400),
        (Some(&right), &[("content-digest", &wrong)], 400),
        (Some(&wrong), &[("content-digest", &right)], 400),
        (None, &[("content-digest", "nonsense")], 400),
        (None, &[("content-digest", "md5=:AAAA:")], 400),
        (Some(&right), &[("content-digest", "md5=:AAAA:")], 201),
    ];
    for (header, trailers, status) in rows {
        let fields: Vec<(&str, &str)> = header.iter().map(|value| ("content-digest", *value)).collect();
        let body = with_trailers(content, trailers);
        let reply = server.send(request("PUT", "/a", &fields, body)).await;
        assert_eq!(reply.status, *status, "{header:?} {trailers:?}: {}", reply.text());
        if *status == 201 {
            assert_eq!(server.read("a"), b"in three pieces");
            std::fs::remove_file(server.root().join("a")).unwrap();
        }
        assert_eq!(server.everything(), Vec::<String>::new());
    }
}

/// Read again in full, when the digest came only behind the content.
#[tokio::test]
async fn a_trailer_covers_all_of_a_large_file() {
    let server = Server::uploads_only();
    let content = vec![b'z'; 1_000_000];
    let digest = sha512(&content);
    let body = with_trailers(&[&content[..999_999], b"z"], &[("repr-digest", &digest)]);
    assert_eq!(server.send(request("PUT", "/a", &[], body)).await.status, 201);
    let body = with_trailers(&[&content[..999_999], b"y"], &[("repr-digest", &digest)]);
    assert_eq!(server.send(request("PUT", "/a", &[], body)).await.status, 400);
    assert!(server.read("a") == content);
}
