//! GET and HEAD of files: ranges, conditions, variants, index pages.

use std::time::{Duration, SystemTime};

use super::*;

const TEN: &str = "0123456789";

fn server() -> Server {
    let server = Server::read_only();
    server.write("ten.txt", TEN);
    server
}

/// As if it had been modified long ago: its date is then a strong validator.
fn old(path: &Path) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    file.set_modified(time).unwrap();
}

const OLD: &str = "Sun, 09 Sep 2001 01:46:40 GMT";

#[tokio::test]
async fn a_file_comes_whole_with_its_validators() {
    let server = server();
    old(&server.root().join("ten.txt"));
    let reply = server.get("/ten.txt").await;
    assert_eq!((reply.status, reply.text()), (200, TEN));
    assert_eq!(reply.field("content-type"), "text/plain");
    assert_eq!(reply.field("content-length"), "10");
    assert_eq!(reply.field("accept-ranges"), "bytes");
    assert_eq!(reply.field("last-modified"), OLD);
    let tag = reply.field("etag");
    assert!(tag.starts_with('"') && tag.ends_with('"'), "a strong tag: {tag}");
}

#[tokio::test]
async fn head_has_the_fields_of_get_and_no_content() {
    let server = server();
    server.write("index.html", "<p>hello");
    server.write("folder/a", "a");
    for path in ["/ten.txt", "/", "/folder/", "/folder", "/missing"] {
        let get = server.get(path).await;
        let range = [("range", "bytes=0-3")];
        let head = server.ask("HEAD", path, &range, "").await;
        assert_eq!(head.status, get.status, "{path}");
        assert!(head.body.is_empty(), "{path}");
        let mut expected = get.fields.clone();
        if !expected.contains_key("content-length") {
            expected.insert("content-length", get.body.len().into());
        }
        assert_eq!(head.fields, expected, "{path}");
    }
}

#[tokio::test]
async fn ranges() {
    let server = server();
    let rows = [
        ("bytes=0-3", 206, "0123", "bytes 0-3/10"),
        ("bytes=4-", 206, "456789", "bytes 4-9/10"),
        ("bytes=-3", 206, "789", "bytes 7-9/10"),
        ("bytes=9-9", 206, "9", "bytes 9-9/10"),
        ("bytes=5-500", 206, "56789", "bytes 5-9/10"),
        ("bytes=-500", 206, TEN, "bytes 0-9/10"),
        ("bytes=0-99999999999999999999", 206, TEN, "bytes 0-9/10"),
        ("bytes=10-", 416, "", "bytes */10"),
        ("bytes=-0", 416, "", "bytes */10"),
        ("bytes=0-0,5-6", 200, TEN, ""),
        ("bytes=3-1", 200, TEN, ""),
        ("lines=1-2", 200, TEN, ""),
        ("nonsense", 200, TEN, ""),
    ];
    for (range, status, content, content_range) in rows {
        let reply = server.get_with("/ten.txt", &[("range", range)]).await;
        assert_eq!(reply.status, status, "{range}");
        if content_range.is_empty() {
            assert!(!reply.has("content-range"), "{range}");
        } else {
            assert_eq!(reply.field("content-range"), content_range, "{range}");
        }
        if status == 416 {
            assert!(reply.text().contains("/ten.txt"), "says why: {}", reply.text());
        } else {
            assert_eq!(reply.text(), content, "{range}");
            assert_eq!(reply.field("content-length"), content.len().to_string(), "{range}");
        }
    }
}

#[tokio::test]
async fn an_empty_file_has_no_ranges() {
    let server = server();
    server.write("empty", "");
    for range in ["bytes=0-", "bytes=0-0", "bytes=-5", "bytes=7-"] {
        let reply = server.get_with("/empty", &[("range", range)]).await;
        assert_eq!((reply.status, reply.text()), (200, ""), "{range}");
        assert_eq!(reply.field("content-length"), "0");
    }
}

#[tokio::test]
async fn if_range_guards_a_resumed_download() {
    let server = server();
    old(&server.root().join("ten.txt"));
    let tag = server.get("/ten.txt").await.field("etag").to_owned();
    let weak = format!("W/{tag}");
    let rows = [
        (tag.as_str(), "bytes=4-", 206, "456789"),
        (&weak, "bytes=4-", 200, TEN),
        ("\"other\"", "bytes=4-", 200, TEN),
        ("\"other\"", "bytes=50-", 200, TEN),
        (&tag, "bytes=-500", 206, TEN),
        (OLD, "bytes=4-", 206, "456789"),
        ("Sun, 09 Sep 2001 01:46:41 GMT", "bytes=4-", 200, TEN),
        ("Sun, 09 Sep 2001 01:46:39 GMT", "bytes=4-", 200, TEN),
    ];
    for (condition, range, status, content) in rows {
        let fields = [("range", range), ("if-range", condition)];
        let reply = server.get_with("/ten.txt", &fields).await;
        assert_eq!((reply.status, reply.text()), (status, content), "{condition}, {range}");
    }
    // Without a range it means nothing.
    let reply = server.get_with("/ten.txt", &[("if-range", "\"other\"")]).await;
    assert_eq!(reply.status, 200);
    // A file of this very second may change once more with the same date.
    server.write("new.txt", TEN);
    let date = server.get("/new.txt").await.field("last-modified").to_owned();
    let fields = [("range", "bytes=4-"), ("if-range", date.as_str())];
    assert_eq!(server.get_with("/new.txt", &fields).await.status, 200);
}

#[tokio::test]
async fn conditions() {
    let server = server();
    old(&server.root().join("ten.txt"));
    let tag = server.get("/ten.txt").await.field("etag").to_owned();
    let weak = format!("W/{tag}");
    let list = format!("\"x\", {tag}");
    let rows: &[(&[(&str, &str)], u16)] = &[
        (&[("if-none-match", &tag)], 304),
        (&[("if-none-match", &weak)], 304),
        (&[("if-none-match", &list)], 304),
        (&[("if-none-match", "*")], 304),
        (&[("if-none-match", "\"x\"")], 200),
        (&[("if-none-match", "\"x\""), ("if-none-match", &tag)], 304),
        (&[("if-modified-since", OLD)], 304),
        (&[("if-modified-since", "Sun, 09 Sep 2001 01:46:41 GMT")], 304),
        (&[("if-modified-since", "Sun, 09 Sep 2001 01:46:39 GMT")], 200),
        (&[("if-modified-since", "yesterday")], 200),
        (&[("if-none-match", "\"x\""), ("if-modified-since", OLD)], 200),
        (&[("if-match", &tag)], 200),
        (&[("if-match", "\"x\""), ("if-match", &tag)], 200),
        (&[("if-match", "*")], 200),
        (&[("if-match", &weak)], 412),
        (&[("if-match", "\"x\"")], 412),
        (&[("if-unmodified-since", OLD)], 200),
        (&[("if-unmodified-since", "Sun, 09 Sep 2001 01:46:39 GMT")], 412),
        (&[("if-none-match", &tag), ("range", "bytes=0-1")], 304),
        (&[("if-match", "\"x\""), ("range", "bytes=0-1")], 412),
    ];
    for (fields, status) in rows {
        for method in ["GET", "HEAD"] {
            let reply = server.ask(method, "/ten.txt", fields, "").await;
            assert_eq!(reply.status, *status, "{method} {fields:?}");
            match status {
                304 => {
                    assert_eq!(reply.field("etag"), tag);
                    assert_eq!(reply.field("last-modified"), OLD);
                    assert_eq!(reply.field("vary"), "accept-encoding");
                    assert!(reply.body.is_empty() && !reply.has("content-length"));
                }
                412 if method == "GET" => assert!(reply.text().contains("If-Match")),
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn compressed_variants_of_files_that_are_only_read() {
    let server = Server::with_area();
    for area in ["", "in/"] {
        server.write(&format!("{area}page.html"), "plain");
        server.write(&format!("{area}page.html.gz"), "gzip");
        server.write(&format!("{area}page.html.br"), "brotli");
        server.write(&format!("{area}page.html.zst"), "zstandard");
    }
    let rows = [
        ("gzip", "gzip", "gzip"),
        ("br", "br", "brotli"),
        ("zstd", "zstd", "zstandard"),
        ("gzip;q=0, br;q=0.1", "br", "brotli"),
    ];
    let plain = server.get("/page.html").await;
    assert_eq!((plain.text(), plain.field("vary")), ("plain", "accept-encoding"));
    for (accepted, coding, content) in rows {
        let reply = server.get_with("/page.html", &[("accept-encoding", accepted)]).await;
        assert_eq!(reply.text(), content);
        assert_eq!(reply.field("content-encoding"), coding);
        assert_eq!(reply.field("content-type"), "text/html");
        assert_eq!(reply.field("vary"), "accept-encoding");
        assert_ne!(reply.field("etag"), plain.field("etag"));
        // Where uploads appear a file is what was stored under its name.
        let reply = server.get_with("/in/page.html", &[("accept-encoding", accepted)]).await;
        assert_eq!(reply.text(), "plain");
        assert!(!reply.has("content-encoding") && !reply.has("vary"));
    }
    let reply = server.get("/page.html.gz").await;
    assert_eq!(reply.text(), "gzip");
    assert_eq!(reply.field("content-type"), "application/gzip");
    assert!(!reply.has("content-encoding"));
}

/// The name of its variant would be too long to exist.
#[tokio::test]
async fn a_file_whose_variant_cannot_exist() {
    let server = server();
    let name = "x".repeat(255);
    server.write(&name, "long");
    let fields = [("accept-encoding", "gzip, br, zstd")];
    let reply = server.get_with(&format!("/{name}"), &fields).await;
    assert_eq!((reply.status, reply.text()), (200, "long"));
}

#[tokio::test]
async fn folders_have_a_slash_and_may_have_an_index() {
    let server = server();
    server.write("site/index.html", "<p>index");
    server.write("a b/c", "");
    let reply = server.get("/site/").await;
    assert_eq!((reply.text(), reply.field("content-type")), ("<p>index", "text/html"));
    for (path, location) in [
        ("/site", "/site/"),
        ("/site?x=1", "/site/?x=1"),
        ("/a%20b", "/a%20b/"),
        // Never `//site/`: that would lead a browser to the host `site`.
        ("//site", "/site/"),
        ("///site", "/site/"),
    ] {
        let reply = server.get(path).await;
        assert_eq!((reply.status, reply.field("location")), (307, location), "{path}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_404_with_a_reason() {
    let server = server();
    let long = format!("/{}", "x".repeat(5000));
    for path in ["/missing", "/missing/", "/ten.txt/", "/ten.txt/x", "/a/b/c", &long] {
        let reply = server.get(path).await;
        assert_eq!(reply.status, 404, "{path}");
        assert!(reply.text().contains(path), "{}", reply.text());
        assert_eq!(reply.field("content-type"), "text/plain; charset=utf-8");
    }
    // Percent-encoded it does not fit in a request target any more.
    let reply = server.get(&format!("/{}", "!".repeat(60_000))).await;
    assert_eq!(reply.status, 414);
}

/// `httpdate` panics on dates outside 1970 to 9999; such a file is served without dates.
#[tokio::test]
async fn a_file_older_than_1970_is_served() {
    let server = server();
    let file = std::fs::File::options().write(true).open(server.root().join("ten.txt")).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH - Duration::from_secs(86_400)).unwrap();
    let reply = server.get("/ten.txt").await;
    assert_eq!((reply.status, reply.text()), (200, TEN));
    assert!(!reply.has("last-modified") && !reply.has("etag"));
    assert_eq!(server.get("/").await.status, 200, "and listed");
}

#[tokio::test]
async fn a_file_that_grows_is_sent_as_long_as_it_was() {
    let server = server();
    let path = server.write("log", vec![b'a'; 200_000]);
    let answer = server.app.clone().oneshot(request("GET", "/log", &[], whole(""))).await.unwrap();
    assert_eq!(answer.headers()["content-length"], "200000");
    let mut file = std::fs::File::options().append(true).open(path).unwrap();
    std::io::Write::write_all(&mut file, &[b'b'; 100_000]).unwrap();
    let content = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(content.len(), 200_000);
    assert!(content.iter().all(|&byte| byte == b'a'));
}

#[tokio::test]
async fn a_file_that_shrinks_is_an_error_and_not_a_short_answer() {
    let server = server();
    let path = server.write("log", vec![b'a'; 1_000_000]);
    for range in ["bytes=0-", "bytes=300000-899999"] {
        std::fs::write(&path, vec![b'a'; 1_000_000]).unwrap();
        let request = request("GET", "/log", &[("range", range)], whole(""));
        let answer = server.app.clone().oneshot(request).await.unwrap();
        std::fs::File::options().write(true).open(&path).unwrap().set_len(400_000).unwrap();
        let error = answer.into_body().collect().await.unwrap_err();
        let reason = std::error::Error::source(&error).and_then(|reason| reason.downcast_ref::<std::io::Error>());
        assert_eq!(reason.map(std::io::Error::kind), Some(std::io::ErrorKind::UnexpectedEof), "{range}");
    }
}

/// Opening a named pipe to read waits for a writer, for ever.
#[cfg(unix)]
#[tokio::test]
async fn only_regular_files_are_served() {
    let server = server();
    let made = std::process::Command::new("mkfifo").arg(server.root().join("pipe")).status().unwrap();
    assert!(made.success());
    std::fs::create_dir_all(server.root().join("odd/index.html")).unwrap();
    assert_eq!(server.get("/pipe").await.status, 404);
    assert_eq!(server.ask("HEAD", "/pipe", &[], "").await.status, 404);
    assert!(!server.get("/").await.text().contains("pipe"));
    let reply = server.get("/odd/").await;
    assert_eq!(reply.status, 200, "a folder named index.html is no index: the listing comes");
    assert!(reply.text().contains("index.html/"));
}

#[tokio::test]
async fn an_unreadable_file_is_403() {
    let server = server();
    let refusal = super::super::answer::reading(&std::io::ErrorKind::PermissionDenied.into(), "/secret");
    assert_eq!(refusal.status(), 403);
    // Root may read everything, so this half is for everybody else.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let path = server.write("secret", "x");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o0)).unwrap();
        let readable = std::fs::read(&path).is_ok();
        let expected = if readable { 200 } else { 403 };
        assert_eq!(server.get("/secret").await.status, expected);
    }
}
