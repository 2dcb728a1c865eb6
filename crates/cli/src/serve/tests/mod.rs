//! The application asked as a server asks it: request in, answer out, on real folders.

mod digests;
mod files;
mod forms;
mod links;
mod listing;
mod options;
mod post;
mod put;
mod refused;
mod store;
mod users;

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use tempfile::TempDir;
use tower::ServiceExt;
use tower_http::services::fs::AsyncReadBody;

use super::{App, AppOptions};

type TestBody = UnsyncBoxBody<Bytes, Broken>;

/// What breaks the content of a request.
#[derive(Debug)]
struct Broken(&'static str);

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Broken {}

/// An application on folders of its own.
struct Server {
    app: App,
    dir: TempDir,
}

/// A complete answer.
#[derive(Debug)]
struct Reply {
    status: u16,
    fields: HeaderMap,
    body: Bytes,
}

impl Server {
    /// `tenure serve --uploads DIR`.
    fn uploads_only() -> Self {
        Self::new(|dir| AppOptions { uploads: Some(dir), ..AppOptions::default() })
    }

    /// `tenure serve DIR`.
    fn read_only() -> Self {
        Self::new(|dir| AppOptions { root: Some(dir), ..AppOptions::default() })
    }

    /// `tenure serve DIR --uploads DIR/in`.
    fn with_area() -> Self {
        Self::new(|dir| AppOptions { uploads: Some(dir.join("in")), root: Some(dir), ..AppOptions::default() })
    }

    fn new(options: impl FnOnce(PathBuf) -> AppOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        // A folder below, so that a test can see what lands beside it.
        let root = dir.path().join("root");
        std::fs::create_dir(&root).unwrap();
        let app = App::new(options(root)).unwrap();
        Self { app, dir }
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.root().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Every file and folder there is, hidden ones too.
    fn everything(&self) -> Vec<String> {
        everything(&self.root())
    }

    async fn send(&self, request: Request<TestBody>) -> Reply {
        send(self.app.clone(), request).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[], "").await
    }

    async fn get_with(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.ask("GET", path, fields, "").await
    }

    async fn put(&self, path: &str, content: impl Into<Bytes>) -> Reply {
        self.ask("PUT", path, &[], content).await
    }

    async fn post(&self, path: &str, content: impl Into<Bytes>) -> Reply {
        self.ask("POST", path, &[], content).await
    }

    async fn ask(&self, method: &str, path: &str, fields: &[(&str, &str)], content: impl Into<Bytes>) -> Reply {
        self.send(request(method, path, fields, whole(content))).await
    }
}

impl Reply {
    fn field(&self, name: &str) -> &str {
        self.fields.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}")).to_str().unwrap()
    }

    fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

async fn send(app: App, request: Request<TestBody>) -> Reply {
    let (head, body) = app.oneshot(request).await.unwrap().into_parts();
    Reply { status: head.status.as_u16(), fields: head.headers, body: body.collect().await.unwrap().to_bytes() }
}

fn request(method: &str, path: &str, fields: &[(&str, &str)], body: TestBody) -> Request<TestBody> {
    let mut builder = Request::builder().method(method).uri(path);
    for (name, value) in fields {
        builder = builder.header(*name, *value);
    }
    builder.body(body).unwrap()
}

/// Content of known length.
fn whole(content: impl Into<Bytes>) -> TestBody {
    Full::new(content.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Content of unknown length, in pieces, as a chunked message brings it.
fn pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> TestBody {
    frames(pieces.into_iter().map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece)))))
}

/// Content in pieces with a trailer section behind it.
fn with_trailers(content: &[&[u8]], trailers: &[(&'static str, &str)]) -> TestBody {
    let trailers: HeaderMap = trailers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect();
    let data = content.iter().map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece))));
    frames(data.chain([Ok(Frame::trailers(trailers))]))
}

/// Content that breaks off after these pieces: the connection died.
fn broken_off(pieces: &[&[u8]]) -> TestBody {
    let data = pieces.iter().map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece))));
    frames(data.chain([Err(Broken("the connection closed early"))]))
}

/// Content of a declared length that ends after these bytes, without an error.
fn declared(len: u64, content: &'static [u8]) -> TestBody {
    struct Declared {
        len: u64,
        content: Option<Bytes>,
    }
    impl http_body::Body for Declared {
        type Data = Bytes;
        type Error = Broken;
        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
            Poll::Ready(self.content.take().map(|data| Ok(Frame::data(data))))
        }
        fn size_hint(&self) -> http_body::SizeHint {
            http_body::SizeHint::with_exact(self.len)
        }
    }
    Declared { len, content: Some(Bytes::from_static(content)) }.boxed_unsync()
}

/// Content that comes as the test writes it, and ends when the writer is dropped. Behind a write
/// that returned at most this many bytes are still on their way.
fn held(buffered: usize) -> (tokio::io::DuplexStream, TestBody) {
    let (writer, reader) = tokio::io::duplex(buffered);
    let body = AsyncReadBody::with_capacity(reader, buffered);
    let body = body.map_err(|_| Broken("a pipe in memory")).boxed_unsync();
    (writer, body)
}

fn frames(frames: impl Iterator<Item = Result<Frame<Bytes>, Broken>>) -> TestBody {
    let frames: Vec<_> = frames.collect();
    BodyExt::boxed_unsync(StreamBody::new(futures_util::stream::iter(frames)))
}

fn everything(root: &Path) -> Vec<String> {
    let mut names: Vec<String> = walkdir::WalkDir::new(root)
        .min_depth(1)
        .into_iter()
        .map(|entry| {
            let entry = entry.unwrap();
            let below = entry.path().strip_prefix(root).unwrap();
            below.to_string_lossy().into_owned()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn an_app_needs_a_folder_that_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let open =
        |root: Option<PathBuf>, uploads: Option<PathBuf>| App::new(AppOptions { root, uploads, max_upload: None });
    assert!(open(None, None).is_err());
    let missing = dir.path().join("missing");
    let error = open(Some(missing.clone()), None).unwrap_err();
    assert!(error.to_string().contains("missing"), "{error}");
    let error = open(Some(file.clone()), None).unwrap_err();
    assert!(error.to_string().contains("file"), "{error}");
    assert!(open(None, Some(file)).is_err());
    assert!(open(None, Some(missing.clone())).is_ok(), "a folder of uploads is made");
    assert!(missing.is_dir());
}

/// A name with a line break in it stays one value of one field.
#[tokio::test]
async fn no_name_injects_a_field() {
    let server = Server::uploads_only();
    for path in ["/a%0D%0ASet-Cookie:%20x=1", "/a%0A", "/%7F"] {
        let reply = server.put(path, "x").await;
        assert_eq!(reply.status, 201, "{path}: {}", reply.text());
        assert!(!reply.has("set-cookie"));
        assert!(!reply.text().trim_end().contains(['\n', '\r']), "{}", reply.text());
        assert_eq!(server.get(reply.field("location")).await.text(), "x");
    }
}
