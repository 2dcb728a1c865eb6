//! A server for outside test suites: `cargo run -p tenure --example test_app -- 127.0.0.1:8080`.
//!
//! Every path answers GET and HEAD with `OK` and echoes the content of POST and PUT; `/echo` lists
//! the received fields, `/cookie` the cookies. What the connection itself must refuse (a bad Host,
//! two lengths, an unknown `Expect`) never comes here: the library answers it.

use std::convert::Infallible;

use http::header::{ALLOW, CONTENT_TYPE, COOKIE, HeaderValue, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use tenure::Body;

const ALLOWED: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, OPTIONS");
/// An echo is held in memory.
const LARGEST_ECHO: usize = 16 * 1024 * 1024;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    eprintln!("listening on http://{}", listener.local_addr()?);
    tenure::server::serve(listener, tower::service_fn(answer)).await
}

async fn answer(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    if wants_other_websocket(request.headers()) {
        let mut response = status(StatusCode::UPGRADE_REQUIRED);
        response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return Ok(response);
    }
    Ok(match *request.method() {
        Method::OPTIONS => {
            let mut response = status(StatusCode::NO_CONTENT);
            response.headers_mut().insert(ALLOW, ALLOWED);
            response
        }
        Method::GET | Method::HEAD | Method::POST | Method::PUT => match request.uri().path() {
            "/echo" => text(fields(request.headers())),
            "/cookie" => text(cookies(request.headers())),
            _ if matches!(*request.method(), Method::GET | Method::HEAD) => text("OK".into()),
            _ => echo(request).await,
        },
        Method::DELETE | Method::TRACE | Method::CONNECT | Method::PATCH => {
            let mut response = status(StatusCode::METHOD_NOT_ALLOWED);
            response.headers_mut().insert(ALLOW, ALLOWED);
            response
        }
        _ => status(StatusCode::NOT_IMPLEMENTED),
    })
}

async fn echo(request: Request<Body>) -> Response<Body> {
    let kind = request.headers().get(CONTENT_TYPE).cloned();
    match Limited::new(request.into_body(), LARGEST_ECHO).collect().await {
        Ok(content) => {
            let mut response = Response::new(Body::from(content.to_bytes()));
            if let Some(kind) = kind {
                response.headers_mut().insert(CONTENT_TYPE, kind);
            }
            response
        }
        Err(error) if error.is::<http_body_util::LengthLimitError>() => status(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => status(StatusCode::BAD_REQUEST),
    }
}

fn fields(headers: &HeaderMap) -> String {
    headers.iter().map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()))).collect()
}

fn cookies(headers: &HeaderMap) -> String {
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|line| line.split(';')).map(|cookie| format!("{}\n", cookie.trim())).collect()
}

/// RFC 6455 section 4.4: version 13 is the only one; a client that asks for another is told so.
fn wants_other_websocket(headers: &HeaderMap) -> bool {
    let websocket = headers.get(UPGRADE).is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"websocket"));
    websocket && headers.get(SEC_WEBSOCKET_VERSION).is_some_and(|version| version != "13")
}

fn text(text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
