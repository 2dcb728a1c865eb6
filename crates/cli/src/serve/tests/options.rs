//! Methods, and which folder a path belongs to.

use super::*;

const READ: &str = "GET, HEAD, OPTIONS";
const WRITE: &str = "GET, HEAD, OPTIONS, POST, PUT";
const ROOT: &str = "GET, HEAD, OPTIONS, POST";

#[tokio::test]
async fn options_says_what_a_path_allows() {
    let rows = [
        (Server::read_only(), "/a", READ),
        (Server::read_only(), "*", READ),
        (Server::uploads_only(), "/a", WRITE),
        (Server::uploads_only(), "*", WRITE),
        (Server::with_area(), "/a", READ),
        (Server::with_area(), "/", ROOT),
        (Server::with_area(), "/in", WRITE),
        (Server::with_area(), "/in/a/b", WRITE),
        (Server::with_area(), "/input", READ),
    ];
    for (server, path, allow) in rows {
        let reply = server.ask("OPTIONS", path, &[], "").await;
        assert_eq!((reply.status, reply.field("allow")), (204, allow), "{path}");
        assert!(reply.body.is_empty() && !reply.has("content-length"));
    }
    let reply = Server::read_only().ask("OPTIONS", "/../a", &[], "").await;
    assert_eq!(reply.status, 400);
}

#[tokio::test]
async fn known_methods_are_405_with_allow_and_unknown_ones_501() {
    let server = Server::with_area();
    server.write("a", "x");
    for method in ["DELETE", "PATCH", "TRACE", "PUT", "POST"] {
        let reply = server.ask(method, "/a", &[], "y").await;
        assert_eq!((reply.status, reply.field("allow")), (405, READ), "{method}");
    }
    let reply = server.ask("DELETE", "/in/a", &[], "").await;
    assert_eq!((reply.status, reply.field("allow")), (405, WRITE));
    let reply = server.ask("CONNECT", "example.com:443", &[], "").await;
    assert_eq!(reply.status, 405);
    for method in ["PROPFIND", "BREW", "get"] {
        let reply = server.ask(method, "/a", &[], "").await;
        assert_eq!(reply.status, 501, "{method}");
        assert!(reply.text().contains(method));
    }
    assert_eq!(server.get("*").await.status, 400);
    assert_eq!(server.read("a"), b"x");
}

#[tokio::test]
async fn without_uploads_nothing_is_stored() {
    let server = Server::read_only();
    for method in ["PUT", "POST"] {
        let reply = server.ask(method, "/a", &[], "x").await;
        assert_eq!((reply.status, reply.field("allow")), (405, READ));
        assert!(reply.text().contains("--uploads"), "{}", reply.text());
    }
    assert_eq!(server.everything(), Vec::<String>::new());
}

#[tokio::test]
async fn uploads_inside_the_served_folder_keep_to_their_path() {
    let server = Server::with_area();
    let reply = server.put("/in/a", "x").await;
    assert_eq!((reply.status, reply.field("location")), (201, "/in/a"));
    assert_eq!(server.get("/in/a").await.text(), "x");
    let reply = server.put("/a", "x").await;
    assert_eq!(reply.status, 405);
    assert!(reply.text().contains("/in/"), "says where: {}", reply.text());
    // Whoever knows only the host is let in.
    let reply = server.post("/", "from the root").await;
    assert_eq!(reply.status, 201);
    let location = reply.field("location").to_owned();
    assert!(location.starts_with("/in/upload-"), "{location}");
    assert_eq!(server.get(&location).await.text(), "from the root");
}

#[tokio::test]
async fn uploads_elsewhere_are_a_drop_box() {
    let uploads = tempfile::tempdir().unwrap();
    let server =
        Server::new(|root| AppOptions { root: Some(root), uploads: Some(uploads.path().to_owned()), max_upload: None });
    server.write("a", "public");
    let reply = server.put("/a", "private").await;
    assert_eq!((reply.status, reply.field("location")), (201, "/a"));
    assert_eq!(server.put("/b", "private").await.status, 201);
    assert_eq!(server.get("/a").await.text(), "public");
    assert_eq!(server.get("/b").await.status, 404);
    assert!(!server.get("/").await.text().contains("<form"));
    assert_eq!(everything(uploads.path()), ["a", "b"]);
}

#[tokio::test]
async fn one_folder_for_both() {
    let server = Server::new(|dir| AppOptions { root: Some(dir.clone()), uploads: Some(dir), max_upload: None });
    assert_eq!(server.put("/a/b", "x").await.status, 201);
    assert_eq!(server.get("/a/b").await.text(), "x");
}
