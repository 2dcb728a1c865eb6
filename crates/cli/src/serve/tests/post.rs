//! POST: a new file each time, under the asked name or near it.

use std::collections::HashSet;

use super::*;

#[tokio::test]
async fn a_free_name_is_used_and_a_taken_one_varied() {
    let server = Server::uploads_only();
    let mut locations = Vec::new();
    for content in ["one", "two", "three"] {
        let reply = server.post("/in/report.tar.gz", content).await;
        assert_eq!(reply.status, 201);
        let location = reply.field("location").to_owned();
        assert_eq!(server.get(&location).await.text(), content);
        assert_eq!(server.get(&location).await.field("etag"), reply.field("etag"));
        locations.push(location);
    }
    assert_eq!(locations, ["/in/report.tar.gz", "/in/report.tar-1.gz", "/in/report.tar-2.gz"]);
    for (path, variant) in [("/plain", "/plain-1"), ("/.profile", "/.profile-1"), ("/a.", "/a-1.")] {
        server.post(path, "").await;
        assert_eq!(server.post(path, "").await.field("location"), variant);
    }
}

#[tokio::test]
async fn a_name_used_a_thousand_times() {
    let server = Server::uploads_only();
    let mut locations = HashSet::new();
    for number in 0..150 {
        let reply = server.post("/a.txt", number.to_string()).await;
        assert_eq!(reply.status, 201);
        assert!(locations.insert(reply.field("location").to_owned()));
    }
    assert!(locations.contains("/a-99.txt"));
    assert_eq!(server.everything().len(), 150);
}

/// The longest name there can be has no room for a number.
#[tokio::test]
async fn a_long_name_is_cut_for_its_variant() {
    let server = Server::uploads_only();
    let name = format!("{}.txt", "ä".repeat(125));
    assert_eq!(name.len(), 254);
    let path = format!("/{}", super::super::path::encode(&name));
    assert_eq!(server.post(&path, "one").await.status, 201);
    let reply = server.post(&path, "two").await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert_eq!(server.get(reply.field("location")).await.text(), "two");
    assert!(reply.field("location").ends_with("-1.txt"));
}

#[tokio::test]
async fn a_folder_gets_a_new_name() {
    let server = Server::uploads_only();
    for path in ["/", "/in/", "/deep/er/"] {
        let reply = server.post(path, path.to_owned()).await;
        assert_eq!(reply.status, 201);
        let location = reply.field("location");
        let name = location.strip_prefix(path).unwrap_or_else(|| panic!("{location}"));
        assert!(name.starts_with("upload-") && !name.contains('/'), "{location}");
        assert_eq!(server.get(location).await.text(), path);
    }
    // The slash may be left out where there is a folder.
    let reply = server.post("/in", "x").await;
    assert!(reply.field("location").starts_with("/in/upload-"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_at_once_are_a_hundred_files() {
    let server = Server::uploads_only();
    for path in ["/", "/same-name"] {
        let uploads: Vec<_> = (0..100)
            .map(|number| {
                let body = whole(format!("{path} {number}"));
                tokio::spawn(send(server.app.clone(), request("POST", path, &[], body)))
            })
            .collect();
        let mut locations = HashSet::new();
        let mut contents = HashSet::new();
        for upload in uploads {
            let reply = upload.await.unwrap();
            assert_eq!(reply.status, 201);
            let location = reply.field("location").to_owned();
            contents.insert(server.get(&location).await.text().to_owned());
            locations.insert(location);
        }
        assert_eq!((locations.len(), contents.len()), (100, 100), "{path}");
    }
    assert_eq!(server.everything().len(), 200);
}
