//! The page that lists a folder.

use super::*;

#[tokio::test]
async fn folders_first_each_by_name_with_size_and_date() {
    let server = Server::read_only();
    server.write("b.txt", vec![0; 2048]);
    server.write("a.txt", "x");
    server.write("z/inner", "");
    server.write(".profile", "");
    let reply = server.get("/").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.field("content-type"), "text/html; charset=utf-8");
    let page = reply.text();
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} in {page}"));
    let order = [
        place("<a href=\"z/\">z/</a>"),
        place("<a href=\".profile\">.profile</a>"),
        place("<a href=\"a.txt\">a.txt</a></td><td class=\"n\">1 B</td>"),
        place("<a href=\"b.txt\">b.txt</a></td><td class=\"n\">2.0 KiB</td>"),
    ];
    assert!(order.is_sorted(), "{page}");
    assert!(page.contains(" GMT</td>"));
    assert!(!page.contains("../"), "the root has no parent");
    assert!(!page.contains("<form"), "nothing can be uploaded here");
    let inner = server.get("/z/").await;
    assert!(inner.text().contains("<a href=\"../\">"));
    assert!(inner.text().contains("<title>/z</title>"));
}

#[cfg(unix)]
#[tokio::test]
async fn names_are_escaped_and_their_links_lead_to_them() {
    let server = Server::read_only();
    let names = [
        "<script>alert(1)</script>".replace('/', "_"),
        "a b".into(),
        "\"q\" & 'r'".into(),
        "100%".into(),
        "#1?x".into(),
        "javascript:alert(1)".into(),
        "日本 語".into(),
        "a\nb".into(),
    ];
    for name in &names {
        server.write(name, name.as_bytes());
    }
    let reply = server.get("/").await;
    let page = reply.text();
    assert!(!page.contains("<script>") && !page.contains("\"q\""));
    let links: Vec<&str> = page.split("<a href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(links.len(), names.len());
    let mut found = Vec::new();
    for link in links {
        assert!(!link.contains(':'), "{link} would be another scheme");
        let reply = server.get(&format!("/{link}")).await;
        assert_eq!(reply.status, 200, "{link}");
        found.push(reply.text().to_owned());
    }
    found.sort();
    let mut names = names.to_vec();
    names.sort();
    assert_eq!(found, names);
}

#[tokio::test]
async fn temporary_names_are_neither_listed_nor_served() {
    let server = Server::uploads_only();
    server.write(".tenure-upload-abc", "half");
    server.write("a", "");
    let page = server.get("/").await;
    assert!(page.text().contains("\"a\"") && !page.text().contains("tenure-upload"));
    for path in ["/.tenure-upload-abc", "/%2Etenure-upload-abc", "/.TENURE-upload-abc"] {
        assert_eq!(server.get(path).await.status, 400, "{path}");
        assert_eq!(server.put(path, "x").await.status, 400, "{path}");
    }
    assert_eq!(server.read(".tenure-upload-abc"), b"half");
}

#[tokio::test]
async fn a_folder_that_takes_uploads_has_a_form() {
    let server = Server::with_area();
    assert!(!server.get("/").await.text().contains("<form"));
    let page = server.get("/in/").await;
    assert!(page.text().contains("enctype=\"multipart/form-data\""));
}
