//! What people do: each as the requests their tool sends.

use super::*;

/// `curl -T 'NAME' http://host/in/` encodes the name; GET with what Location says gives it back.
#[tokio::test]
async fn any_name_goes_there_and_back() {
    let server = Server::uploads_only();
    for name in [
        "with space.txt",
        "100%.txt",
        "a+b.txt",
        "#1.txt",
        "what?.txt",
        "a&b=c;d.txt",
        "Grüße.txt",
        "日本語.txt",
        "😀",
        "e\u{301}", // not composed: kept as it is
        "-rf",
        "~",
        "...",
        ".profile",
        ".git",
        "a:b",
        "'quoted' \"twice\"",
        "trailing.",
        "con",
    ] {
        let path = format!("/in/{}", super::super::path::encode(name));
        let reply = server.put(&path, name.to_owned()).await;
        assert_eq!(reply.status, 201, "{name}: {}", reply.text());
        assert_eq!(reply.field("location"), path);
        assert_eq!(server.read(&format!("in/{name}")), name.as_bytes());
        let reply = server.get(&path).await;
        assert_eq!((reply.status, reply.text()), (200, name), "{name}");
        assert_eq!(server.ask("HEAD", &path, &[], "").await.status, 200, "{name}");
    }
}

/// What a shell user types without thinking of encoding.
#[tokio::test]
async fn characters_left_as_they_are() {
    let server = Server::uploads_only();
    for path in ["/a+b", "/a:b@c", "/a!$&'()*,;=b", "/~me"] {
        let reply = server.put(path, path.to_owned()).await;
        assert_eq!(reply.status, 201, "{path}");
        assert_eq!(server.get(path).await.text(), path);
        assert_eq!(server.get(reply.field("location")).await.text(), path, "the same file");
    }
    // A query is no part of the name.
    assert_eq!(server.put("/q?x=/../y", "q").await.field("location"), "/q");
    assert_eq!(server.get("/q?other").await.text(), "q");
}

#[tokio::test]
async fn a_name_of_the_longest_length() {
    let server = Server::uploads_only();
    let path = format!("/{}", "x".repeat(255));
    assert_eq!(server.put(&path, "x").await.status, 201);
    assert_eq!(server.get(&path).await.text(), "x");
    assert_eq!(server.put(&format!("{path}x"), "x").await.status, 400);
}

/// `tenure send DIR --to http://host/in/{path}`: trees keep their shape.
#[tokio::test]
async fn a_tree_of_files() {
    let server = Server::uploads_only();
    let paths = ["in/a", "in/sub/b", "in/sub/sub/c", "in/other/b"];
    for path in paths {
        let reply = server.post(&format!("/{path}"), path).await;
        assert_eq!((reply.status, reply.field("location")), (201, &*format!("/{path}")));
    }
    for path in paths {
        assert_eq!(server.read(path), path.as_bytes());
    }
}

/// `curl --data-binary @file`: a type that says nothing of the content.
#[tokio::test]
async fn urlencoded_is_just_content() {
    let server = Server::uploads_only();
    let fields = [("content-type", "application/x-www-form-urlencoded")];
    let reply = server.ask("POST", "/a", &fields, "a=b&c=d").await;
    assert_eq!((reply.status, &server.read("a")[..]), (201, &b"a=b&c=d"[..]));
}

/// `curl -C - -T file`: resumes with a part. Refused, and the file stays.
#[tokio::test]
async fn a_resumed_upload() {
    let server = Server::uploads_only();
    server.put("/a", "0123").await;
    let fields = [("content-range", "bytes 4-9/10")];
    let reply = server.ask("PUT", "/a", &fields, "456789").await;
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("whole file"), "{}", reply.text());
    assert_eq!(server.read("a"), b"0123");
}

/// `wget -c` and `curl -C -`: resume with a range, and find a file that is complete already.
#[tokio::test]
async fn a_resumed_download() {
    let server = Server::uploads_only();
    server.put("/a", "0123456789").await;
    let reply = server.get_with("/a", &[("range", "bytes=4-")]).await;
    assert_eq!((reply.status, reply.text()), (206, "456789"));
    let reply = server.get_with("/a", &[("range", "bytes=10-")]).await;
    assert_eq!((reply.status, reply.field("content-range")), (416, "bytes */10"));
    // A browser asks with the tag it saw; the file was replaced meanwhile.
    let tag = server.get("/a").await.field("etag").to_owned();
    server.put("/a", "abcdefghij").await;
    let fields = [("range", "bytes=4-"), ("if-range", &*tag)];
    let reply = server.get_with("/a", &fields).await;
    assert_eq!((reply.status, reply.text()), (200, "abcdefghij"));
}

/// A browser: the listing, a click, and the reload that costs nothing.
#[tokio::test]
async fn a_browser_visits() {
    let server = Server::uploads_only();
    server.put("/photos/a b.jpg".replace(' ', "%20").as_str(), "jpeg").await;
    let accept = ("accept-encoding", "gzip, deflate, br, zstd");
    let page = server.get_with("/photos", &[accept]).await;
    assert_eq!(page.field("location"), "/photos/");
    let page = server.get_with("/photos/", &[accept]).await;
    assert!(page.text().contains("href=\"a%20b.jpg\""));
    let photo = server.get_with("/photos/a%20b.jpg", &[accept]).await;
    assert_eq!((photo.text(), photo.field("content-type")), ("jpeg", "image/jpeg"));
    let tag = ("if-none-match", photo.field("etag"));
    let again = server.get_with("/photos/a%20b.jpg", &[accept, tag]).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(server.get("/favicon.ico").await.status, 404);
}

/// Uploads of things that belong together by name, and of a newer version of one of them.
#[tokio::test]
async fn a_compressed_copy_beside_a_file_is_another_file() {
    let server = Server::uploads_only();
    server.put("/a.txt", "version 1").await;
    server.put("/a.txt.gz", "version 1, compressed").await;
    server.put("/a.txt", "version 2").await;
    let reply = server.get_with("/a.txt", &[("accept-encoding", "gzip")]).await;
    assert_eq!(reply.text(), "version 2");
}

/// A web client that asks with the absolute form, as through a proxy.
#[tokio::test]
async fn the_absolute_form() {
    let server = Server::uploads_only();
    let reply = server.put("http://host.example/a", "x").await;
    assert_eq!((reply.status, reply.field("location")), (201, "/a"));
    assert_eq!(server.get("http://host.example/a").await.text(), "x");
    let reply = server.get("http://host.example").await;
    assert_eq!(reply.status, 200, "no path is the root");
}
