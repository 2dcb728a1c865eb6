//! The application behind `tenure serve`: files out, uploads in.
//!
//! [`App`] is a `tower::Service` and knows nothing of connections: it takes a request and gives an
//! answer, and whoever drives it frames both. One walk: `route` picks by method, `path` turns the
//! target into names, then `files` (with `backend`, `range`, `listing`) answers GET and HEAD, and
//! `upload` (with `form`, `digest`, `validators`, `writer`, `store`) answers PUT and POST.
//!
//! There is one name space, of one or two folders:
//!
//! | folders | GET | PUT and POST |
//! |---|---|---|
//! | only DIR | all of DIR | 405 |
//! | only uploads, or both the same | all of it | all of it |
//! | uploads inside DIR, `DIR/in` say | all of DIR | below `/in/`; POST to `/` goes to `/in/` too |
//! | uploads elsewhere | all of DIR | anywhere, and no GET shows what came: a drop box |
//!
//! No path leads out of the two folders (`path`), nor does a symbolic link: one that leads out does
//! not exist for GET and is refused for uploads.

mod answer;
mod backend;
mod digest;
mod files;
mod form;
mod listing;
mod path;
mod range;
mod store;
mod upload;
mod validators;
mod writer;

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_LENGTH, HeaderValue};
use http::{Method, Request, Response, StatusCode, request};
use http_body::Body;
use http_body_util::BodyExt;

use answer::{Answer, Refusal, status_only};
use files::{Area, Files};
use path::RequestPath;
use store::Store;
use upload::Uploads;

/// What an [`App`] serves. At least one of the two folders must be given.
#[derive(Clone, Debug, Default)]
pub(crate) struct AppOptions {
    /// The folder whose files are served. Without it the folder of uploads is served.
    pub(crate) root: Option<PathBuf>,
    /// The folder uploads are stored in, made if it does not exist. Without it there are no uploads.
    pub(crate) uploads: Option<PathBuf>,
    /// The most bytes of content one upload may have; unlimited by default.
    pub(crate) max_upload: Option<u64>,
}

/// Serves files and takes uploads. Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct App {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    files: Files,
    uploads: Option<Uploads>,
    /// Whether GET shows what was uploaded.
    uploads_served: bool,
}

impl App {
    /// Opens the folders.
    ///
    /// # Errors
    ///
    /// When neither folder is given, or one is missing or no folder; the error names it.
    pub(crate) fn new(options: AppOptions) -> io::Result<Self> {
        if let Some(uploads) = &options.uploads {
            std::fs::create_dir_all(uploads).map_err(|error| naming(uploads, &error))?;
        }
        let uploads = options.uploads.as_deref().map(open_folder).transpose()?;
        let root = options.root.as_deref().map(open_folder).transpose()?;
        let Some(served) = root.as_ref().or(uploads.as_ref()) else {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "nothing to serve: neither a folder to read nor one for uploads was given",
            ));
        };
        let files = Files::new(served);
        let area = uploads.as_deref().map(|uploads| area(served, uploads));
        let uploads_served = matches!(area, Some(Ok(Some(_))));
        let area = area.transpose()?.map(Option::unwrap_or_default);
        let uploads =
            uploads.zip(area).map(|(folder, area)| Uploads::new(Store::new(folder), area, options.max_upload));
        Ok(Self { inner: Arc::new(Inner { files, uploads, uploads_served }) })
    }
}

/// The path of the folder of uploads in the name space of the served folder, if it lies in it.
fn area(served: &Path, uploads: &Path) -> io::Result<Option<RequestPath>> {
    let Ok(below) = uploads.strip_prefix(served) else {
        return Ok(None);
    };
    below
        .iter()
        .map(|name| name.to_str().filter(|name| path::check_name(name).is_ok()))
        .collect::<Option<Vec<_>>>()
        .map(|names| Some(RequestPath::folder_of(names)))
        .ok_or_else(|| {
            let why = "its path inside the served folder has a name that no URL can have here";
            naming(uploads, &io::Error::new(ErrorKind::InvalidInput, why))
        })
}

/// The absolute path of an existing folder, without links.
fn open_folder(path: &Path) -> io::Result<PathBuf> {
    let real = path.canonicalize().map_err(|error| naming(path, &error))?;
    if !real.is_dir() {
        return Err(naming(path, &ErrorKind::NotADirectory.into()));
    }
    Ok(real)
}

fn naming(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

impl<B> tower::Service<Request<B>> for App
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<tenure::Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let inner = self.inner.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let answer = inner.route(&head, body).await;
            let answer = answer.unwrap_or_else(Answer::from);
            Ok(if head.method == Method::HEAD { without_content(answer) } else { answer })
        })
    }
}

impl Inner {
    async fn route<B>(&self, head: &request::Parts, body: B) -> Result<Answer, Refusal>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let method = &head.method;
        match *method {
            Method::OPTIONS => return self.options(head.uri.path()),
            Method::GET | Method::HEAD | Method::PUT | Method::POST => {}
            Method::DELETE | Method::PATCH | Method::TRACE | Method::CONNECT => {
                let path = RequestPath::parse(head.uri.path()).unwrap_or_default();
                return Err(self.not_allowed(method, &path));
            }
            _ => {
                return Err(Refusal::new(
                    StatusCode::NOT_IMPLEMENTED,
                    format!("this server does not know the method {method}"),
                ));
            }
        }
        let path = RequestPath::parse(head.uri.path())?;
        let boxed = |body: B| body.map_err(Into::into).boxed_unsync();
        match (method, &self.uploads) {
            (&Method::PUT, Some(uploads)) if uploads.contains(&path) => uploads.put(&path, head, boxed(body)).await,
            (&Method::POST, Some(uploads)) if uploads.takes_post(&path) => uploads.post(&path, head, boxed(body)).await,
            (&Method::GET | &Method::HEAD, _) => self.files.get(&path, head, self.kind(&path)).await,
            _ => Err(self.not_allowed(method, &path)),
        }
    }

    fn kind(&self, path: &RequestPath) -> Area {
        match &self.uploads {
            Some(uploads) if self.uploads_served && uploads.contains(path) => Area::Uploads,
            _ => Area::ReadOnly,
        }
    }

    /// RFC 9110 section 9.3.7: of one resource, or of the whole server (`*`).
    fn options(&self, target: &str) -> Result<Answer, Refusal> {
        let path = match target {
            "*" => RequestPath::default(),
            target => RequestPath::parse(target)?,
        };
        let mut answer = status_only(StatusCode::NO_CONTENT);
        answer.headers_mut().insert(ALLOW, self.allowed(&path));
        Ok(answer)
    }

    fn allowed(&self, path: &RequestPath) -> HeaderValue {
        HeaderValue::from_static(match &self.uploads {
            Some(uploads) if uploads.contains(path) => "GET, HEAD, OPTIONS, POST, PUT",
            Some(uploads) if uploads.takes_post(path) => "GET, HEAD, OPTIONS, POST",
            _ => "GET, HEAD, OPTIONS",
        })
    }

    fn not_allowed(&self, method: &Method, path: &RequestPath) -> Refusal {
        let reason = match (method, &self.uploads) {
            (&Method::PUT | &Method::POST, None) => {
                "this server takes no uploads (tenure serve --uploads DIR does)".to_owned()
            }
            (&Method::PUT | &Method::POST, Some(uploads)) => {
                format!("uploads go below {}", uploads.area())
            }
            _ => format!("this server does not do {method}"),
        };
        Refusal::new(StatusCode::METHOD_NOT_ALLOWED, reason).with(ALLOW, self.allowed(path))
    }
}

/// The answer to HEAD: the fields GET would have, and no content.
fn without_content(mut answer: Answer) -> Answer {
    let len = std::mem::take(answer.body_mut()).size_hint().exact();
    let bodiless = matches!(answer.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if let Some(len) = len
        && !bodiless
        && !answer.headers().contains_key(CONTENT_LENGTH)
    {
        answer.headers_mut().insert(CONTENT_LENGTH, len.into());
    }
    answer
}
