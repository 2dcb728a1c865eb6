//! Interim (1xx) responses, for whoever asks (RFC 9110 section 15.2).

use std::fmt;
use std::sync::Arc;

use http::Response;

/// Told of each interim response to a request that has this in its extensions: 103 (Early Hints),
/// 102 (Processing), 100 (Continue). Called by the exchange itself, so be quick and never wait.
///
/// More than 32 of them before one final response are a flood, and an error. 101 (Switching
/// Protocols) is a final response here.
///
/// ```
/// use tenure::client::OnInterim;
///
/// let hints = OnInterim::new(|response| println!("{} {:?}", response.status(), response.headers().get("link")));
/// let request = http::Request::get("http://127.0.0.1:8080/").extension(hints).body(tenure::Body::empty());
/// # request.unwrap();
/// ```
#[derive(Clone)]
pub struct OnInterim(Arc<Tell>);

type Tell = dyn Fn(&Response<()>) + Send + Sync;

impl OnInterim {
    /// Calls `tell` with each head.
    pub fn new(tell: impl Fn(&Response<()>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(super) fn tell(&self, response: &Response<()>) {
        (self.0)(response);
    }
}

impl fmt::Debug for OnInterim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnInterim")
    }
}
