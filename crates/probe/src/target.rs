//! What is asked for.

use http::Uri;

/// The host and the path of every request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    pub(crate) url: String,
    /// The value of `Host`.
    pub(crate) authority: String,
    /// In origin form: path and query.
    pub(crate) path: String,
    pub(crate) secure: bool,
}

impl Target {
    /// What `uri`, an absolute http or https URL, names; `None` if it is not one.
    pub fn new(uri: &Uri) -> Option<Self> {
        let secure = match uri.scheme_str()? {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Some(Self { url: uri.to_string(), authority: uri.authority()?.to_string(), path: path.to_owned(), secure })
    }
}
