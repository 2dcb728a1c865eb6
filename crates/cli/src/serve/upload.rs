//! PUT and POST: what is refused unread, where an upload goes, and receiving it.
//!
//! `PUT /a/b` stores under exactly that name. `POST /a/b` stores under that name if it is free and
//! under a variant of it if not; `POST /a/` makes a name up. A form (`multipart/form-data`) posted to
//! a path stores its files in the folder of that path (`form`). Missing folders are made.

use std::error::Error;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, HOST, HeaderMap, HeaderValue, LOCATION,
    ORIGIN,
};
use http::{StatusCode, request};
use http_body::Body;
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};

use super::answer::{Answer, Refusal, status_only, storing, text};
use super::digest::{Digester, Stated};
use super::form;
use super::path::RequestPath;
use super::store::{Destination, Naming, Store, Stored};
use super::validators::{Preconditions, combined};
use super::writer::{Writer, refusing};

/// The content of a request, of whatever type the server under this has.
pub(super) type RequestBody = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// Takes uploads into one folder.
#[derive(Debug)]
pub(super) struct Uploads {
    pub(super) store: Arc<Store>,
    /// The path of the folder in the name space of the server.
    area: RequestPath,
    /// The most bytes a request may carry.
    limit: Option<u64>,
}

impl Uploads {
    pub(super) fn new(store: Store, area: RequestPath, limit: Option<u64>) -> Self {
        Self { store: Arc::new(store), area, limit }
    }

    /// The path of the folder of uploads, percent-encoded.
    pub(super) fn area(&self) -> String {
        self.area.encoded()
    }

    /// Whether `path` lies in the folder of uploads.
    pub(super) fn contains(&self, path: &RequestPath) -> bool {
        self.below(path).is_some()
    }

    /// Whether POST may go to `path`: to all of the area, and to the root of the server, where a
    /// person who was told only the host will send it. The root then stands for the area.
    pub(super) fn takes_post(&self, path: &RequestPath) -> bool {
        self.contains(path) || path.names().is_empty()
    }

    fn below<'a>(&self, path: &'a RequestPath) -> Option<&'a [String]> {
        path.names().strip_prefix(self.area.names())
    }

    /// Answers a PUT to a path of the area.
    pub(super) async fn put(
        &self,
        path: &RequestPath,
        head: &request::Parts,
        body: RequestBody,
    ) -> Result<Answer, Refusal> {
        acceptable(head)?;
        let to = self.exactly(path, &head.headers).ok_or_else(|| needs_name(path))?;
        let stored = self.receive(to, &head.headers, body).await?;
        Ok(if stored.replaced { tagged(status_only(StatusCode::NO_CONTENT), &stored) } else { created(&stored) })
    }

    /// Answers a POST to a path of the area, or to the root.
    pub(super) async fn post(
        &self,
        path: &RequestPath,
        head: &request::Parts,
        body: RequestBody,
    ) -> Result<Answer, Refusal> {
        acceptable(head)?;
        let path = if self.contains(path) { path } else { &self.area };
        if let Some(boundary) = form::boundary(head.headers.get(CONTENT_TYPE))? {
            let folder = self.folder(path, &head.headers, Naming::New);
            return form::receive(self, folder, &boundary, &head.headers, body).await;
        }
        let to = match self.exactly(path, &head.headers) {
            Some(to) if !self.is_folder(path).await? => {
                Destination { naming: Naming::Near(path.names().last().cloned().unwrap_or_default()), ..to }
            }
            _ => self.folder(path, &head.headers, Naming::New),
        };
        let stored = self.receive(to, &head.headers, body).await?;
        Ok(created(&stored))
    }

    /// The file of exactly this path; `None` if the path means a folder.
    fn exactly(&self, path: &RequestPath, fields: &HeaderMap) -> Option<Destination> {
        let name = self.below(path)?.last().filter(|_| !path.is_folder())?;
        let naming = Naming::Exactly(name.clone());
        Some(self.folder(&path.parent(), fields, naming))
    }

    fn folder(&self, path: &RequestPath, fields: &HeaderMap, naming: Naming) -> Destination {
        Destination {
            folder: self.below(path).unwrap_or_default().to_vec(),
            url: path.clone().into_folder(),
            naming,
            preconditions: Preconditions::of(fields),
        }
    }

    async fn is_folder(&self, path: &RequestPath) -> Result<bool, Refusal> {
        let store = self.store.clone();
        let names = self.below(path).unwrap_or_default().to_vec();
        refusing(move || Ok(store.has_folder(&names))).await
    }

    /// Receives the content of a request as one file.
    async fn receive(&self, to: Destination, fields: &HeaderMap, body: RequestBody) -> Result<Stored, Refusal> {
        let mut stated = Stated::of(fields)?;
        stated.require_known()?;
        let meter = self.meter(&body)?;
        let digester = Digester::for_stated(&stated);
        let (store, begun) = (self.store.clone(), to.clone());
        let mut writer = Writer::new(refusing(move || store.begin(&begun, digester)).await?);
        match fill(&mut writer, body, meter, &to.shown()).await {
            Ok(behind) => stated.extend(behind),
            Err(refusal) => {
                writer.discard().await;
                return Err(refusal);
            }
        }
        let (store, shown) = (self.store.clone(), to.shown());
        let failed = move |error: io::Error| storing(&error, &shown);
        writer
            .finish(failed, move |mut incoming| {
                incoming.verify(&stated, &to)?;
                store.commit(incoming.seal(&to)?, &to)
            })
            .await
    }

    /// Counts the content of `body` against the limit of these uploads.
    pub(super) fn meter(&self, body: &RequestBody) -> Result<Meter, Refusal> {
        Meter::new(body, self.limit)
    }
}

/// Writes all of the content, and returns the digests stated behind it.
async fn fill(writer: &mut Writer, mut body: RequestBody, mut meter: Meter, shown: &str) -> Result<Stated, Refusal> {
    let mut stated = Stated::default();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| meter.broken(&*error))?;
        match frame.into_data() {
            Ok(data) => {
                meter.count(data.len())?;
                writer.push(&data).await.map_err(|error| storing(&error, shown))?;
            }
            Err(frame) => stated.extend(Stated::of(&frame.into_trailers().unwrap_or_default())?),
        }
    }
    meter.ended()?;
    Ok(stated)
}

/// Counts the content of a request as it comes.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    received: u64,
    /// What `Content-Length` promised.
    declared: Option<u64>,
    limit: Option<u64>,
}

impl Meter {
    /// Refuses at once what is known to be too large.
    pub(super) fn new(body: &RequestBody, limit: Option<u64>) -> Result<Self, Refusal> {
        let size = body.size_hint();
        let meter = Self { received: 0, declared: size.exact(), limit };
        meter.within_limit(size.lower())?;
        Ok(meter)
    }

    pub(super) fn count(&mut self, len: usize) -> Result<(), Refusal> {
        self.received += len as u64;
        self.within_limit(self.received)
    }

    fn within_limit(&self, len: u64) -> Result<(), Refusal> {
        match self.limit {
            Some(limit) if len > limit => Err(Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("nothing was stored: this server takes at most {limit} bytes a request"),
            )),
            _ => Ok(()),
        }
    }

    /// The content ended: properly, if it has the length it was to have.
    pub(super) fn ended(&self) -> Result<(), Refusal> {
        match self.declared {
            Some(declared) if declared != self.received => {
                Err(self.broken(&io::Error::other(format!("{declared} were declared"))))
            }
            _ => Ok(()),
        }
    }

    /// Content that broke off. The client hears of it only if it still listens.
    pub(super) fn broken(&self, error: &(dyn Error + Send + Sync)) -> Refusal {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            format!("nothing was stored: the content broke off after {} bytes ({error})", self.received),
        )
    }
}

/// 201 with the place of the new file.
fn created(stored: &Stored) -> Answer {
    let line = format!("stored {}, {} bytes", stored.location, stored.len);
    let mut answer = tagged(text(StatusCode::CREATED, &line), stored);
    locate(&mut answer, &stored.location);
    answer
}

pub(super) fn locate(answer: &mut Answer, location: &str) {
    // Percent-encoded, so it is always a field value.
    if let Ok(location) = HeaderValue::from_str(location) {
        answer.headers_mut().insert(LOCATION, location);
    }
}

/// RFC 9110 section 9.3.4 allows the tag: the content was stored as it came.
fn tagged(mut answer: Answer, stored: &Stored) -> Answer {
    if let Some(tag) = &stored.entity_tag {
        answer.headers_mut().insert(ETAG, tag.clone());
    }
    answer
}

fn needs_name(path: &RequestPath) -> Refusal {
    Refusal::new(
        StatusCode::CONFLICT,
        format!("{} is a folder: PUT needs a file name behind it, POST does not", path.encoded()),
    )
}

/// What this server would have to understand to store it properly, and does not.
fn acceptable(head: &request::Parts) -> Result<(), Refusal> {
    let fields = &head.headers;
    if fields.contains_key(CONTENT_RANGE) {
        // RFC 9110 section 14.5.
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "nothing was stored: this server cannot store a part of a file (Content-Range); \
             send the whole file",
        ));
    }
    if let Some(codings) = combined(fields, &CONTENT_ENCODING)
        && !codings
            .as_bytes()
            .split(|&byte| byte == b',')
            .map(<[u8]>::trim_ascii)
            .all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity"))
    {
        // Stored as it is it would be served without its coding. RFC 9110 section 15.5.16.
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "nothing was stored: send the file without Content-Encoding \
             (a compressed file as what it is, named .gz for example)",
        )
        .with(ACCEPT_ENCODING, HeaderValue::from_static("identity")));
    }
    same_origin(head)
}

/// Refuses uploads that another site's page makes a browser send: this server asks nobody who they
/// are, so a page anywhere could fill the disk of whoever reads it.
fn same_origin(head: &request::Parts) -> Result<(), Refusal> {
    let Some(origin) = head.headers.get(ORIGIN).map(HeaderValue::as_bytes) else {
        return Ok(());
    };
    // HTTP/2 and the absolute form have the authority in the target.
    let host = match head.uri.authority() {
        Some(authority) => authority.as_str().as_bytes(),
        None => head.headers.get(HOST).map_or(&b""[..], HeaderValue::as_bytes),
    };
    let same = [&b"http://"[..], b"https://"]
        .iter()
        .filter_map(|scheme| origin.strip_prefix(*scheme))
        .any(|authority| authority.eq_ignore_ascii_case(host));
    if same {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::FORBIDDEN,
        "nothing was stored: a page of another site sent this (Origin is not this Host)",
    ))
}
