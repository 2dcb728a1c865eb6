//! Forms as browsers and curl send them.

use sha2::{Digest, Sha256};

use super::*;

const TYPE: &str = "multipart/form-data; boundary=----b0undary";

/// A form of parts: a name of a file or nothing, and content.
fn form(parts: &[(Option<&str>, &[u8])]) -> Vec<u8> {
    let mut form = Vec::new();
    for (name, content) in parts {
        form.extend(b"------b0undary\r\nContent-Disposition: form-data; name=\"f\"");
        if let Some(name) = name {
            form.extend(format!("; filename=\"{name}\"\r\nContent-Type: text/plain").as_bytes());
        }
        form.extend(b"\r\n\r\n");
        form.extend(*content);
        form.extend(b"\r\n");
    }
    form.extend(b"------b0undary--\r\n");
    form
}

async fn post(server: &Server, path: &str, body: TestBody) -> Reply {
    server.send(request("POST", path, &[("content-type", TYPE)], body)).await
}

#[tokio::test]
async fn one_file() {
    let server = Server::uploads_only();
    let reply = post(&server, "/", whole(form(&[(Some("a.txt"), b"hello")]))).await;
    assert_eq!((reply.status, reply.field("location")), (201, "/a.txt"));
    assert_eq!(server.read("a.txt"), b"hello");
    let reply = post(&server, "/in/", whole(form(&[(Some("ü b.txt"), b"")]))).await;
    assert_eq!(reply.field("location"), "/in/%C3%BC%20b.txt");
    assert_eq!(server.read("in/ü b.txt"), b"");
}

#[tokio::test]
async fn several_files_fields_and_taken_names() {
    let server = Server::uploads_only();
    server.write("in/a.txt", "old");
    let parts: &[(Option<&str>, &[u8])] = &[
        (None, b"just a field"),
        (Some("a.txt"), b"new"),
        (Some(""), b""),
        (Some("C:\\Users\\me\\b.txt"), b"with a path before it"),
        (Some("../../c.txt"), b"so has this"),
    ];
    let reply = post(&server, "/in", whole(form(parts))).await;
    assert_eq!((reply.status, reply.field("location")), (201, "/in/"));
    assert_eq!(reply.text(), "stored /in/a-1.txt\nstored /in/b.txt\nstored /in/c.txt\n");
    assert_eq!(server.read("in/a.txt"), b"old");
    assert_eq!(server.read("in/a-1.txt"), b"new");
    let names = ["in", "in/a-1.txt", "in/a.txt", "in/b.txt", "in/c.txt"];
    assert_eq!(server.everything(), names);
    assert_eq!(everything(server.dir.path()).len(), 1 + names.len(), "nothing beside it");
}

/// Every split of the message gives the same files, boundaries in the content notwithstanding.
#[tokio::test]
async fn content_in_any_pieces() {
    let server = Server::uploads_only();
    let tricky = b"\r\n------b0undar\r\n\r\r\n--\0\xff------b0undary";
    let message = form(&[(Some("a"), tricky), (Some("b"), b"second")]);
    for size in 1..message.len() {
        let folder = format!("/{size}/");
        let reply = post(&server, &folder, pieces(message.chunks(size))).await;
        assert_eq!(reply.status, 201, "pieces of {size}: {}", reply.text());
        assert_eq!(server.read(&format!("{size}/a")), tricky);
        assert_eq!(server.read(&format!("{size}/b")), b"second");
    }
}

#[tokio::test]
async fn a_large_file_in_a_form() {
    let server = Server::uploads_only();
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let message = form(&[(Some("large"), &large), (Some("small"), b"x")]);
    for size in [65_536, message.len()] {
        let reply = post(&server, &format!("/{size}/"), pieces(message.chunks(size))).await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        assert!(server.read(&format!("{size}/large")) == large);
    }
}

#[tokio::test]
async fn a_form_that_breaks_off_leaves_nothing() {
    let server = Server::uploads_only();
    let message = form(&[(Some("a"), b"first"), (Some("b"), b"second")]);
    for end in 0..=message.len() {
        let reply = post(&server, "/", broken_off(&[&message[..end]])).await;
        assert_eq!(reply.status, 400, "after {end}");
        assert!(reply.text().contains("broke off"), "after {end}: {}", reply.text());
        // Or it ends properly, but inside the form.
        if end < message.len() - 2 {
            let reply = post(&server, "/", pieces([&message[..end]])).await;
            assert_eq!(reply.status, 400, "after {end}");
        }
    }
    assert_eq!(server.everything(), Vec::<String>::new());
}

#[tokio::test]
async fn forms_that_are_none_are_refused() {
    let server = Server::uploads_only();
    let endless = vec![b'-'; 1_000_000];
    let mut endless_head = b"------b0undary\r\nContent-Disposition: ".to_vec();
    endless_head.resize(1_000_000, b'x');
    for (message, reason) in [
        (form(&[]), "no file"),
        (form(&[(None, b"a field")]), "no file"),
        (form(&[(Some(".."), b"x")]), "not allowed"),
        (form(&[(Some(".tenure-upload-x"), b"x")]), "kept for uploads"),
        (b"nothing of a form".to_vec(), "malformed"),
        (endless, "malformed"),
        (endless_head, "malformed"),
    ] {
        let reply = post(&server, "/", pieces(message.chunks(10_000))).await;
        assert_eq!(reply.status, 400, "{reason}");
        assert!(reply.text().contains(reason), "{reason}: {}", reply.text());
    }
    for content_type in ["multipart/form-data", "multipart/form-data; boundary="] {
        let fields = [("content-type", content_type)];
        let reply = server.ask("POST", "/", &fields, form(&[(Some("a"), b"x")])).await;
        assert_eq!(reply.status, 400, "{content_type}");
    }
    server.write("file", "x");
    let before = server.everything();
    let reply = post(&server, "/file", whole(form(&[(Some("a"), b"x")]))).await;
    assert_eq!(reply.status, 409, "a form goes into a folder");
    assert_eq!(server.everything(), before);
}

/// What comes without progress is not gathered: a head without end is refused early.
#[tokio::test]
async fn a_head_without_end_is_not_buffered() {
    let server = Server::uploads_only();
    let piece: &[u8] = &[b'x'; 10_000];
    let start: &[u8] = b"------b0undary\r\nContent-Disposition: ";
    let mut all = vec![start];
    all.extend([piece; 20]);
    let reply = post(&server, "/", broken_off(&all)).await;
    assert_eq!(reply.status, 400);
    assert!(!reply.text().contains("broke off"), "refused before the end: {}", reply.text());
}

#[tokio::test]
async fn the_digest_of_a_form_covers_the_whole_message() {
    use base64::Engine as _;
    let server = Server::uploads_only();
    let message = form(&[(Some("a"), b"x"), (Some("b"), b"y")]);
    let encoded = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(&message));
    let right = format!("sha-256=:{encoded}:");
    let wrong = right.replace(&encoded[..4], "AAAA");
    for (digest, status) in [(&wrong, 400), (&right, 201)] {
        let trailers = [("content-digest", digest.as_str())];
        let body = with_trailers(&[&message], &trailers);
        assert_eq!(post(&server, "/", body).await.status, status);
        let fields = [("content-type", TYPE), ("content-digest", digest)];
        let reply = server.ask("POST", "/", &fields, message.clone()).await;
        assert_eq!(reply.status, status);
        assert_eq!(server.everything().is_empty(), status == 400);
    }
}

#[tokio::test]
async fn put_stores_a_form_as_it_is() {
    let server = Server::uploads_only();
    let message = form(&[(Some("a"), b"x")]);
    let fields = [("content-type", TYPE)];
    assert_eq!(server.ask("PUT", "/form", &fields, message.clone()).await.status, 201);
    assert_eq!(server.read("form"), message);
}
