//! PUT: exactly this name, whole or not at all.

use std::time::SystemTime;

use tokio::io::AsyncWriteExt;

use super::*;

#[tokio::test]
async fn created_then_replaced() {
    let server = Server::uploads_only();
    let reply = server.put("/a/b/c.txt", "one").await;
    assert_eq!((reply.status, reply.field("location")), (201, "/a/b/c.txt"));
    assert_eq!(reply.text(), "stored /a/b/c.txt, 3 bytes\n");
    let first = server.get("/a/b/c.txt").await;
    assert_eq!(first.text(), "one");
    assert_eq!(first.field("etag"), reply.field("etag"), "the tag is the one GET shows");

    let reply = server.put("/a/b/c.txt", "two").await;
    assert_eq!((reply.status, reply.text()), (204, ""));
    let second = server.get("/a/b/c.txt").await;
    assert_eq!(second.text(), "two");
    assert_eq!(second.field("etag"), reply.field("etag"));
    assert_ne!(second.field("etag"), first.field("etag"));
    assert_eq!(server.everything(), ["a", "a/b", "a/b/c.txt"]);
}

#[tokio::test]
async fn content_in_pieces_and_content_of_many_batches() {
    let server = Server::uploads_only();
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    for size in [100, 1000, 65_536, 300_000] {
        let reply = send(server.app.clone(), request("PUT", "/large", &[], pieces(large.chunks(size)))).await;
        assert!([201, 204].contains(&reply.status), "{}", reply.text());
        assert!(server.read("large") == large, "in pieces of {size}");
    }
    assert_eq!(server.put("/large", large.clone()).await.status, 204);
    assert!(server.read("large") == large);
    // Exactly one batch of the writer, one less, one more.
    for size in [256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1] {
        server.put("/edge", large[..size].to_vec()).await;
        assert!(server.read("edge") == large[..size], "{size}");
    }
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let server = Server::uploads_only();
    assert_eq!(server.put("/empty", "").await.status, 201);
    let chunked = request("PUT", "/empty-too", &[], pieces([]));
    assert_eq!(server.send(chunked).await.status, 201);
    assert_eq!(server.everything(), ["empty", "empty-too"]);
    let reply = server.get("/empty").await;
    assert_eq!((reply.status, reply.field("content-length")), (200, "0"));
}

#[tokio::test]
async fn content_that_breaks_off_leaves_nothing() {
    let server = Server::uploads_only();
    let large = vec![b'x'; 700_000];
    let rows: [&[&[u8]]; 3] = [&[], &[b"half"], &[&large, &large]];
    for pieces in rows {
        for (method, path) in [("PUT", "/new/folder/a"), ("POST", "/new/a"), ("POST", "/")] {
            let reply = server.send(request(method, path, &[], broken_off(pieces))).await;
            assert_eq!(reply.status, 400, "{}", reply.text());
            assert!(reply.text().contains("broke off"));
        }
    }
    assert_eq!(server.everything(), Vec::<String>::new(), "no file and no folder");
    // What was there stays.
    server.put("/kept", "kept").await;
    server.send(request("PUT", "/kept", &[], broken_off(&[b"half"]))).await;
    assert_eq!(server.read("kept"), b"kept");
    assert_eq!(server.everything(), ["kept"]);
}

/// A body type that ends early without an error must not make a short file.
#[tokio::test]
async fn content_shorter_than_declared_is_not_stored() {
    let server = Server::uploads_only();
    let reply = server.send(request("PUT", "/a", &[], declared(10, b"half"))).await;
    assert_eq!(reply.status, 400);
    assert_eq!(server.everything(), Vec::<String>::new());
}

#[tokio::test]
async fn nothing_is_visible_before_the_end() {
    let server = Server::uploads_only();
    let (mut client, body) = held(4096);
    let upload = tokio::spawn(send(server.app.clone(), request("PUT", "/slow/file", &[], body)));
    // All but 4 KiB of this was taken when it returns.
    client.write_all(&vec![b'x'; 2_000_000]).await.unwrap();
    let hidden = server.everything();
    assert_eq!(hidden.len(), 1, "{hidden:?}");
    assert!(hidden[0].starts_with(".tenure-upload-"), "{hidden:?}");
    assert_eq!(server.get("/slow/file").await.status, 404);
    assert_eq!(server.get("/slow/").await.status, 404);
    assert!(!server.get("/").await.text().contains("<td><a"), "an empty listing");
    drop(client);
    let reply = upload.await.unwrap();
    assert_eq!(reply.status, 201);
    assert_eq!(server.everything(), ["slow", "slow/file"]);
    assert_eq!(server.get("/slow/file").await.field("content-length"), "2000000");
}

/// The server drops the request of a connection that died.
#[tokio::test]
async fn a_dropped_request_leaves_nothing() {
    let server = Server::uploads_only();
    let (mut client, body) = held(4096);
    let upload = tokio::spawn(send(server.app.clone(), request("PUT", "/a", &[], body)));
    client.write_all(&[b'x'; 100_000]).await.unwrap();
    assert_eq!(server.everything().len(), 1, "the hidden file");
    upload.abort();
    assert!(upload.await.unwrap_err().is_cancelled());
    assert_eq!(server.everything(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_concurrent_uploads_one_wins_and_none_mix() {
    let server = Server::uploads_only();
    let versions: Vec<Vec<u8>> = (0..20).map(|n| vec![b'a' + n; 300_000]).collect();
    let uploads: Vec<_> = versions
        .iter()
        .map(|version| {
            let body = pieces(version.chunks(7_000));
            tokio::spawn(send(server.app.clone(), request("PUT", "/name", &[], body)))
        })
        .collect();
    let mut created = 0;
    for upload in uploads {
        let reply = upload.await.unwrap();
        assert!([201, 204].contains(&reply.status));
        created += usize::from(reply.status == 201);
    }
    assert_eq!(created, 1, "exactly one made the file");
    assert!(versions.contains(&server.read("name")));
    assert_eq!(server.everything(), ["name"]);
}

#[tokio::test]
async fn preconditions_guard_an_upload() {
    let server = Server::uploads_only();
    let put = async |fields: &[(&str, &str)], content: &'static str| server.ask("PUT", "/a", fields, content).await;
    assert_eq!(put(&[("if-match", "*")], "lost").await.status, 412);
    assert_eq!(put(&[("if-none-match", "*")], "one").await.status, 201);
    let reply = put(&[("if-none-match", "*")], "lost").await;
    assert_eq!(reply.status, 412);
    assert!(reply.text().contains("If-None-Match"), "{}", reply.text());
    let tag = server.get("/a").await.field("etag").to_owned();
    assert_eq!(put(&[("if-match", "\"other\"")], "lost").await.status, 412);
    assert_eq!(put(&[("if-match", &tag)], "two").await.status, 204);
    assert_eq!(put(&[("if-match", &tag)], "lost").await.status, 412, "that was the old one");
    let past = [("if-unmodified-since", "Sun, 09 Sep 2001 01:46:40 GMT")];
    assert_eq!(put(&past, "lost").await.status, 412);
    assert_eq!(server.read("a"), b"two");
    assert_eq!(server.everything(), ["a"]);
    // POST with a name asks about that name too.
    let reply = server.ask("POST", "/a", &[("if-none-match", "*")], "lost").await;
    assert_eq!(reply.status, 412);
    assert_eq!(server.ask("POST", "/b", &[("if-none-match", "*")], "x").await.status, 201);
}

#[tokio::test]
async fn a_new_file_has_the_time_of_its_upload_and_ordinary_rights() {
    let server = Server::uploads_only();
    let before = SystemTime::now();
    server.put("/a", "x").await;
    let metadata = server.root().join("a").metadata().unwrap();
    assert!((before..=SystemTime::now()).contains(&metadata.modified().unwrap()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let like = server.write("made-here", "");
        let ordinary = like.metadata().unwrap().permissions().mode();
        assert_eq!(metadata.permissions().mode(), ordinary);
    }
}
