//! Uploads that are refused, each leaving the folder as it was.

use tokio::io::AsyncWriteExt;

use super::*;

const PNG: &[u8] = b"\x89PNG";

#[tokio::test]
async fn parts_and_codings_are_refused_honestly() {
    let server = Server::uploads_only();
    let rows: &[(&[(&str, &str)], u16)] = &[
        (&[("content-range", "bytes 0-3/10")], 400),
        (&[("content-range", "bytes */10")], 400),
        (&[("content-encoding", "gzip")], 415),
        (&[("content-encoding", "identity, br")], 415),
        (&[("content-encoding", "identity"), ("content-encoding", "gzip")], 415),
    ];
    for (fields, status) in rows {
        for (method, path) in [("PUT", "/a"), ("POST", "/a"), ("POST", "/")] {
            let reply = server.ask(method, path, fields, PNG).await;
            assert_eq!(reply.status, *status, "{method} {fields:?}");
            assert!(reply.text().contains("nothing was stored"), "{}", reply.text());
            assert_eq!(reply.has("accept-encoding"), *status == 415);
        }
    }
    assert_eq!(server.everything(), Vec::<String>::new());
    let identity = [("content-encoding", "Identity")];
    assert_eq!(server.ask("PUT", "/a", &identity, PNG).await.status, 201);
}

#[tokio::test]
async fn too_large_is_413_at_once_or_midway() {
    let server = Server::new(|dir| AppOptions { root: None, uploads: Some(dir), max_upload: Some(1000) });
    let at = vec![0; 1000];
    let over = vec![0; 1001];
    for (method, path) in [("PUT", "/a"), ("POST", "/b"), ("POST", "/")] {
        let reply = server.ask(method, path, &[], over.clone()).await;
        assert_eq!(reply.status, 413, "{}", reply.text());
        assert!(reply.text().contains("1000"));
        // By its declared length, and not by what then comes.
        let unread = request(method, path, &[], declared(1001, b"short"));
        assert_eq!(server.send(unread).await.status, 413);
        let chunked = request(method, path, &[], pieces(over.chunks(100)));
        assert_eq!(server.send(chunked).await.status, 413);
        // Refused before the end: the error behind the limit is never reached.
        let endless = request(method, path, &[], broken_off(&[&over]));
        assert_eq!(server.send(endless).await.status, 413);
    }
    assert_eq!(server.everything(), Vec::<String>::new());
    assert_eq!(server.put("/a", at.clone()).await.status, 201);
    let chunked = request("PUT", "/b", &[], pieces(at.chunks(100)));
    assert_eq!(server.send(chunked).await.status, 201);
}

#[tokio::test]
async fn what_the_file_system_does_not_take() {
    let server = Server::uploads_only();
    server.write("folder/file", "x");
    let long = "x".repeat(256);
    let deep = "/d".repeat(2100);
    let before = server.everything();
    let rows = [
        ("PUT", "/".to_owned(), 409),
        ("PUT", "/folder".to_owned(), 409),
        ("PUT", "/folder/".to_owned(), 409),
        ("PUT", "/new/".to_owned(), 409),
        ("PUT", "/folder/file/below".to_owned(), 409),
        ("POST", "/folder/file/".to_owned(), 409),
        ("POST", "/folder/file/below".to_owned(), 409),
        ("PUT", format!("/{long}"), 400),
        ("POST", format!("/{long}"), 400),
        ("PUT", format!("/new/{long}"), 400),
        ("PUT", format!("/new/{long}/a"), 400),
        ("POST", format!("/new/{long}/"), 400),
        ("PUT", deep, 400),
    ];
    for (method, path, status) in rows {
        // Judged before the content: the error in it is never reached.
        let reply = server.send(request(method, &path, &[], broken_off(&[]))).await;
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text());
        assert!(!reply.text().contains("broke off"), "{}", reply.text());
    }
    assert_eq!(server.everything(), before);
}

/// Folders nobody can write to, root included.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_folder_that_may_not_be_written_is_403() {
    let app = App::new(AppOptions { root: None, uploads: Some("/sys".into()), max_upload: None }).unwrap();
    for (method, path) in [("PUT", "/a"), ("PUT", "/a/b"), ("POST", "/")] {
        let reply = send(app.clone(), request(method, path, &[], broken_off(&[]))).await;
        assert_eq!(reply.status, 403, "{}", reply.text());
        assert!(!reply.text().contains("/sys"), "no path of this machine: {}", reply.text());
    }
}

#[tokio::test]
async fn the_folder_of_uploads_vanishes() {
    let server = Server::uploads_only();
    std::fs::remove_dir(server.root()).unwrap();
    let reply = server.put("/a", "x").await;
    assert_eq!(reply.status, 409, "{}", reply.text());
    assert_eq!(server.get("/").await.status, 404);
}

#[tokio::test]
async fn two_uploads_that_cannot_both_be() {
    let server = Server::uploads_only();
    let (mut client, body) = held(64);
    let below = tokio::spawn(send(server.app.clone(), request("PUT", "/a/b", &[], body)));
    client.write_all(&[b'x'; 1000]).await.unwrap();
    assert_eq!(server.put("/a", "a file now").await.status, 201);
    drop(client);
    let reply = below.await.unwrap();
    assert_eq!(reply.status, 409, "{}", reply.text());
    assert_eq!(server.everything(), ["a"]);
}

#[tokio::test]
async fn traversal_stores_nothing_anywhere() {
    let server = Server::uploads_only();
    for path in [
        "/../a",
        "/a/../../b",
        "/%2e%2e/a",
        "/..%2fa",
        "/a%2fb",
        "/%2Fetc%2Fpasswd",
        "/a%5cb",
        "/..%5ca",
        "/a%00",
        "/./a",
        "/caf%E9",
        "/100%",
        "/.tenure-upload-abcdef",
    ] {
        for method in ["GET", "PUT", "POST"] {
            let reply = server.ask(method, path, &[], "x").await;
            assert_eq!(reply.status, 400, "{method} {path}");
            assert!(reply.text().len() > 10, "says why");
        }
    }
    assert_eq!(everything(server.dir.path()), ["root"]);
    // Many slashes are one: still inside.
    let reply = server.put("//etc//passwd", "x").await;
    assert_eq!((reply.status, reply.field("location")), (201, "/etc/passwd"));
    assert_eq!(everything(server.dir.path()), ["root", "root/etc", "root/etc/passwd"]);
}

#[tokio::test]
async fn a_page_of_another_site_stores_nothing() {
    let server = Server::uploads_only();
    let rows = [
        ("http://localhost:8080", 201),
        ("https://LOCALHOST:8080", 201),
        ("http://evil.example", 403),
        ("http://localhost", 403),
        ("null", 403),
    ];
    for (origin, status) in rows {
        let fields = [("host", "localhost:8080"), ("origin", origin)];
        let reply = server.ask("POST", "/", &fields, "x").await;
        assert_eq!(reply.status, status, "{origin}");
        // Where the target names the host, that counts (HTTP/2, and the absolute form).
        let fields = [("host", "other"), ("origin", origin)];
        let reply = server.ask("POST", "http://localhost:8080/", &fields, "x").await;
        assert_eq!(reply.status, status, "{origin}");
    }
    assert_eq!(server.everything().len(), 4);
}
