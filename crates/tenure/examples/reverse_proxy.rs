//! A reverse proxy: `cargo run -p tenure --example reverse_proxy -- 127.0.0.1:8080 127.0.0.1:9000` passes what comes to
//! the first address on to the application at the second.
//!
//! RFC 9110 section 7.6 is what an intermediary owes: fields for one hop stay on it, `Via` names the hops, `Max-Forwards`
//! counts down. An upgrade is refused, by not passing it on. Content streams both ways, but that of small requests is
//! held whole: it can be sent again if the application closed its idle connection just then. docs/bad-gateway.md
//! measures what that is worth.

use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, Scheme};
use http::{Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body as _;
use http_body_util::BodyExt;
use tenure::{Body, Client, ConnectionInfo, Error, Fate, Observer};
use tower::service_fn;

/// Request content of up to so many bytes is held whole.
const SMALL: u64 = 64 * 1024;
/// Fields for one hop (RFC 9110 section 7.6.1), besides those that `Connection` names.
const HOP_BY_HOP: [&str; 6] = ["connection", "proxy-connection", "keep-alive", "te", "transfer-encoding", "upgrade"];

#[derive(Clone)]
struct Proxy {
    client: Client,
    application: Authority,
}

impl Proxy {
    async fn pass(self, mut request: Request<Body>) -> Response<Body> {
        let what = format!("{} {}", request.method(), request.uri());
        if let Some(answer) = answered_here(&mut request) {
            return answer;
        }
        match self.ask(request).await {
            Ok(response) => response,
            Err((status, error)) => {
                eprintln!("{what}: {status}: {error} (fate: {})", error.fate().name());
                plain(status)
            }
        }
    }

    async fn ask(&self, request: Request<Body>) -> Result<Response<Body>, (StatusCode, Error)> {
        let (mut head, mut content) = request.into_parts();
        let forwarded = forwarded(&head);
        let hop = via(head.version);
        strip(&mut head.headers);
        head.headers.append(header::VIA, hop);
        head.headers.append(header::FORWARDED, forwarded);
        // The client writes the application's own; the original is in `Forwarded`.
        head.headers.remove(header::HOST);
        if content.size_hint().exact().is_some_and(|length| length <= SMALL) {
            content = content.collect().await.map_err(|e| (StatusCode::BAD_REQUEST, e))?.to_bytes().into();
            // It is here, so nobody waits for 100 (Continue).
            head.headers.remove(header::EXPECT);
        }
        head.version = Version::HTTP_11;
        head.uri = self.target(head.uri);
        let response = self.client.request(Request::from_parts(head, content)).await;
        let mut response = response.map_err(|e| (status_of(&e), e))?;
        let hop = via(response.version());
        strip(response.headers_mut());
        response.headers_mut().append(header::VIA, hop);
        Ok(response)
    }

    fn target(&self, uri: Uri) -> Uri {
        let mut parts = uri.into_parts();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.application.clone());
        parts.path_and_query = parts.path_and_query.or_else(|| "/".parse().ok());
        Uri::from_parts(parts).expect("scheme, authority and path make a URI")
    }
}

/// CONNECT and TRACE are not for applications; `OPTIONS` may say that it goes no further (RFC 9110 section 7.6.2).
fn answered_here(request: &mut Request<Body>) -> Option<Response<Body>> {
    match *request.method() {
        Method::CONNECT | Method::TRACE => Some(plain(StatusCode::NOT_IMPLEMENTED)),
        Method::OPTIONS => {
            let left = request.headers_mut().get_mut(header::MAX_FORWARDS)?;
            let forwards: u64 = left.to_str().ok()?.parse().ok()?;
            let Some(fewer) = forwards.checked_sub(1) else { return Some(plain(StatusCode::NO_CONTENT)) };
            *left = fewer.into();
            None
        }
        _ => None,
    }
}

/// Takes out what was meant for one hop. Lengths and codings are the connection's own affair anyway.
fn strip(fields: &mut HeaderMap) {
    let named: Vec<HeaderName> = fields
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .filter_map(|option| option.trim().parse().ok())
        .collect();
    for name in named {
        fields.remove(name);
    }
    for name in HOP_BY_HOP {
        fields.remove(name);
    }
}

/// RFC 9110 section 7.6.3: the version of the message that came, and who passes it on.
fn via(received: Version) -> HeaderValue {
    HeaderValue::from_static(if received == Version::HTTP_10 { "1.0 tenure" } else { "1.1 tenure" })
}

/// Whose request it is, and what it asked for (RFC 7239 section 4).
fn forwarded(head: &http::request::Parts) -> HeaderValue {
    let peer = head.extensions.get().and_then(|connection: &ConnectionInfo| connection.peer);
    let peer = peer.map_or_else(|| "unknown".to_owned(), |peer| format!("\"{peer}\""));
    let host = head.uri.authority().map(Authority::as_str);
    let host = host.or_else(|| head.headers.get(header::HOST)?.to_str().ok()).unwrap_or_default();
    let value = HeaderValue::try_from(format!("for={peer};host=\"{host}\";proto=http"));
    value.unwrap_or(HeaderValue::from_static("for=unknown"))
}

fn status_of(error: &Error) -> StatusCode {
    match error {
        // What the client sends broke off.
        e if e.is_content() => StatusCode::BAD_REQUEST,
        e if e.is_timeout() => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    }
}

fn plain(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Says when a request was sent again.
struct Log;

impl Observer for Log {
    fn repeated(&self, fate: Fate) {
        eprintln!("sent again on a fresh connection; the first was {fate}");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut addresses = std::env::args().skip(1);
    let (Some(listen), Some(application)) = (addresses.next(), addresses.next()) else {
        return Err("give two addresses: where to listen, and where the application is".into());
    };
    let client = Client::builder()
        // The clients' limit is the server's affair.
        .connections_per_origin(1_000)
        .connect_timeout(Duration::from_secs(5))
        .response_timeout(Duration::from_secs(60))
        .observer(Arc::new(Log))
        .build();
    let proxy = Proxy { client, application: application.parse()? };
    let listener = tokio::net::TcpListener::bind(listen).await?;
    eprintln!("listening on http://{}", listener.local_addr()?);
    let pass = service_fn(move |request| {
        let proxy = proxy.clone();
        async move { Ok::<_, std::convert::Infallible>(proxy.pass(request).await) }
    });
    let server = tenure::server::Server::new().connection_info(true);
    server.serve(listener, pass, tokio::signal::ctrl_c()).await?;
    Ok(())
}
