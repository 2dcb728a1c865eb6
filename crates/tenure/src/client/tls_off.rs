//! https without the feature `tls`: a clear error.

use super::connect::Secured;
use super::origin::Origin;
use super::stream::Socket;
use crate::BoxError;

/// Nothing to configure.
#[derive(Clone, Default)]
pub(crate) struct Tls {}

impl Tls {
    pub(crate) async fn connect(&self, origin: &Origin, _socket: Socket) -> Result<Secured, BoxError> {
        Err(format!("{origin}: https needs the feature `tls` of the crate tenure").into())
    }
}
