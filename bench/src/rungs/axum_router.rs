//! An `axum::Router`, the same on tenure's server and on axum's own.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use http::Uri;

use super::response;

/// The two paths that the heads ask for; `content` is called at every request and says what it is answered with.
pub(super) fn router(content: impl Fn(&Uri) -> Bytes + Copy + Send + Sync + 'static) -> Router {
    let handler = move |uri: Uri| async move { response(Body::from(content(&uri))) };
    Router::new().route("/hello", get(handler)).route("/articles/{name}", get(handler))
}
