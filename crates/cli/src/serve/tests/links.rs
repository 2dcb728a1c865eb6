//! Symbolic links, for reading and for storing.
#![cfg(unix)]

use std::os::unix::fs::symlink;

use super::*;

/// A folder of uploads with links of every kind, and files beside the folder that must stay as
/// they are.
fn server() -> Server {
    let server = Server::uploads_only();
    let outside = server.dir.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("secret"), "secret").unwrap();
    let root = server.root();
    server.write("real/file", "inside");
    symlink("real", root.join("folder")).unwrap();
    symlink("real/file", root.join("file")).unwrap();
    symlink(&outside, root.join("out")).unwrap();
    symlink("../outside/secret", root.join("out-file")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    // Leads out and back in: what counts is where it ends.
    symlink("../root/real/file", root.join("round")).unwrap();
    server
}

fn outside(server: &Server) -> Vec<String> {
    everything(&server.dir.path().join("outside"))
}

#[tokio::test]
async fn links_are_followed_inside_and_nowhere_else() {
    let server = server();
    for (path, status) in [
        ("/file", 200),
        ("/folder/file", 200),
        ("/round", 200),
        ("/out-file", 404),
        ("/out/secret", 404),
        ("/out/", 404),
        ("/out", 404),
        ("/dangling", 404),
        ("/loop", 404),
    ] {
        for method in ["GET", "HEAD"] {
            let reply = server.ask(method, path, &[], "").await;
            assert_eq!(reply.status, status, "{method} {path}: {}", reply.text());
        }
    }
    let page = server.get("/").await;
    for (name, listed) in [
        ("\"file\"", true),
        ("\"folder/\"", true),
        ("\"round\"", true),
        ("out", false),
        ("dangling", false),
        ("loop", false),
    ] {
        assert_eq!(page.text().contains(name), listed, "{name} in {}", page.text());
    }
}

#[tokio::test]
async fn a_compressed_variant_may_not_be_a_link_out() {
    let server = Server::read_only();
    server.write("page", "plain");
    std::fs::write(server.dir.path().join("secret"), "secret").unwrap();
    symlink("../secret", server.root().join("page.gz")).unwrap();
    let reply = server.get_with("/page", &[("accept-encoding", "gzip")]).await;
    assert_eq!((reply.status, reply.text()), (200, "plain"));
}

#[tokio::test]
async fn nothing_is_stored_through_a_link_that_leads_out() {
    let server = server();
    let before = server.everything();
    for path in ["/out/new", "/out/secret", "/out/a/b", "/out-file", "/dangling", "/loop", "/dangling/x", "/loop/x"] {
        for method in ["PUT", "POST"] {
            let reply = server.ask(method, path, &[], "overwritten").await;
            assert_eq!(reply.status, 403, "{method} {path}: {}", reply.text());
        }
    }
    let reply = server.post("/out/", "x").await;
    assert_eq!(reply.status, 403, "{}", reply.text());
    assert_eq!(server.everything(), before);
    assert_eq!(outside(&server), ["secret"]);
    let secret = std::fs::read(server.dir.path().join("outside/secret")).unwrap();
    assert_eq!(secret, b"secret");
}

#[tokio::test]
async fn a_link_inside_is_replaced_and_a_linked_folder_is_used() {
    let server = server();
    let reply = server.put("/folder/new", "x").await;
    assert_eq!((reply.status, reply.field("location")), (201, "/folder/new"));
    assert_eq!(server.read("real/new"), b"x");
    assert_eq!(server.put("/file", "replaced").await.status, 204);
    assert_eq!(server.read("file"), b"replaced");
    assert_eq!(server.read("real/file"), b"inside", "not written through");
    assert!(!server.root().join("file").is_symlink());
    // A link counts as a taken name.
    let reply = server.post("/round", "x").await;
    assert_eq!(reply.field("location"), "/round-1");
}

#[tokio::test]
async fn the_served_folders_themselves_may_be_links() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("real")).unwrap();
    symlink("real", dir.path().join("link")).unwrap();
    let app = App::new(AppOptions {
        root: Some(dir.path().join("real")),
        uploads: Some(dir.path().join("link")),
        max_upload: None,
    })
    .unwrap();
    let reply = send(app.clone(), request("PUT", "/a", &[], whole("x"))).await;
    assert_eq!(reply.status, 201);
    let reply = send(app, request("GET", "/a", &[], whole(""))).await;
    assert_eq!((reply.status, reply.text()), (200, "x"));
}
