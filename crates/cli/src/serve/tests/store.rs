//! The steps of an upload one by one, where a whole request cannot show them.

use std::time::{Duration, SystemTime};

use http::header::IF_MATCH;

use super::super::answer::Refusal;
use super::super::digest::Digester;
use super::super::path::RequestPath;
use super::super::store::{Destination, Naming, Sealed, Store};
use super::super::validators::Preconditions;
use super::super::writer::Writer;
use super::*;

fn store() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path().canonicalize().unwrap());
    (dir, store)
}

fn destination(name: &str) -> Destination {
    Destination {
        folder: Vec::new(),
        url: RequestPath::default(),
        naming: Naming::Exactly(name.to_owned()),
        preconditions: Preconditions::default(),
    }
}

/// The clock of a file system may stand still for milliseconds, or seconds: two versions of one size
/// must have two tags all the same.
#[test]
fn versions_stored_at_one_time_have_different_tags() {
    let (dir, store) = store();
    let to = destination("a");
    let mut tags = Vec::new();
    for content in [b"one", b"two"] {
        let mut incoming = store.begin(&to, Digester::default()).unwrap();
        incoming.write(content).unwrap();
        let mut paths = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
        let hidden = paths.find(|path| !path.ends_with("a")).unwrap();
        let still = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        std::fs::File::options().write(true).open(hidden).unwrap().set_modified(still).unwrap();
        let stored = store.commit(incoming.seal(&to).unwrap(), &to).unwrap();
        tags.push(stored.entity_tag.unwrap());
    }
    assert_ne!(tags[0], tags[1]);
}

fn complete(store: &Store, to: &Destination, content: &[u8]) -> Sealed {
    let mut incoming = store.begin(to, Digester::default()).unwrap();
    incoming.write(content).unwrap();
    incoming.seal(to).unwrap()
}

/// No update is lost: looking at the tag and replacing the file are one step.
#[test]
fn of_many_who_replace_one_version_only_one_may() {
    let (_dir, store) = store();
    let mut to = destination("a");
    let mut tag = store.commit(complete(&store, &to, b"zero"), &to).unwrap().entity_tag.unwrap();
    for _ in 0..200 {
        let fields = HeaderMap::from_iter([(IF_MATCH, tag.clone())]);
        to.preconditions = Preconditions::of(&fields);
        let together = std::sync::Barrier::new(4);
        let replace = || {
            let sealed = complete(&store, &to, b"next");
            together.wait();
            store.commit(sealed, &to)
        };
        let outcomes = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(replace)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        let (stored, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        let lost = |outcome: &Result<_, Refusal>| outcome.as_ref().is_err_and(|why| why.status() == 412);
        assert_eq!((stored.len(), refused.iter().filter(|outcome| lost(outcome)).count()), (1, 3));
        tag = stored.into_iter().next().unwrap().unwrap().entity_tag.unwrap();
    }
}

/// The refusal of an upload goes out when its hidden file is gone, even while a large write runs.
#[tokio::test]
async fn a_discarded_upload_is_gone() {
    let (dir, store) = store();
    for _ in 0..5 {
        let incoming = store.begin(&destination("a"), Digester::default()).unwrap();
        let mut writer = Writer::new(incoming);
        writer.push(&vec![b'x'; 20_000_000]).await.unwrap();
        assert_eq!(everything(dir.path()).len(), 1, "the hidden file");
        writer.discard().await;
        assert_eq!(everything(dir.path()), Vec::<String>::new());
    }
}
