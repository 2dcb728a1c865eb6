//! Without the feature `tls` a server speaks on plain sockets only.

use std::io;

use super::accept;
use super::drive::Engine;
use super::listener::Listener;
use super::shared::Shared;
use crate::io::Socket;

/// Nothing to configure.
#[derive(Clone, Default)]
pub(super) struct Tls {}

/// What answers on every kind of connection that this server has.
pub(super) trait AnyEngine: Engine<Socket> {}
impl<E: Engine<Socket>> AnyEngine for E {}

impl Tls {
    pub(super) async fn run(
        self,
        shared: Shared,
        listener: Listener,
        engine: impl AnyEngine,
        stop: impl Future,
    ) -> io::Result<()> {
        accept::run::<Socket, _>(shared, (), listener, engine, stop).await
    }
}
