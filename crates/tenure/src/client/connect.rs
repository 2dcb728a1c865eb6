//! Making connections: TCP to one of a name's addresses, then TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;

use super::addresses::Addresses;
use super::eyeballs;
use super::names::Names;
use super::origin::Origin;
use super::stream::{Socket, Stream};
use super::tls::Tls;
use crate::Fate;
use crate::error::{Error, Kind};
use crate::io::{Probes, now};
use crate::observe::{Making, TlsFacts};

/// A stream with TLS on it, and what TLS agreed on.
pub(crate) type Secured = (Box<dyn Stream>, Option<Arc<TlsFacts>>);

/// A connection that was just made.
pub(crate) struct Connected {
    pub(crate) stream: Box<dyn Stream>,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) took: Duration,
    pub(crate) making: Making,
    pub(crate) round_trip: Option<Duration>,
    /// What TLS agreed on, where there is TLS.
    pub(crate) tls: Option<Arc<TlsFacts>>,
}

/// How connections are made.
pub(crate) struct Connector {
    names: Names,
    tls: Tls,
    timeout: Duration,
    probes: Probes,
    /// Held for moves only.
    addresses: Mutex<Addresses>,
}

impl Connector {
    /// `timeout`: for all of it, TLS included.
    pub(crate) fn new(names: Names, tls: Tls, timeout: Duration, probes: Probes) -> Self {
        Self { names, tls, timeout, probes, addresses: Mutex::default() }
    }

    /// Connects to an origin: whichever address of its name answers first, then TLS where the scheme
    /// says so.
    pub(crate) async fn connect(&self, origin: &Origin) -> Result<Connected, Error> {
        let failed = |source| Error::new(Kind::Connect { target: origin.to_string(), source }, Fate::NotSent);
        let start = now();
        let work = async {
            let (tcp, mut making) = self.tcp(origin).await?;
            let (peer, local) = (tcp.peer_addr().ok(), tcp.local_addr().ok());
            let begun = now();
            let socket = Socket::new(tcp);
            let (stream, tls): Secured =
                if origin.is_secure() { self.tls.connect(origin, socket).await? } else { (Box::new(socket), None) };
            making.tls = origin.is_secure().then(|| now() - begun);
            Ok::<_, crate::BoxError>((stream, tls, peer, local, making))
        };
        match tokio::time::timeout(self.timeout, work).await {
            Ok(Ok((stream, tls, peer, local, making))) => {
                let took = now() - start;
                let round_trip = stream.socket().facts().ok().map(|facts| facts.round_trip);
                Ok(Connected { stream, peer, local, took, making, round_trip, tls })
            }
            Ok(Err(source)) => Err(failed(source)),
            Err(_) => {
                let late = io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {:?}", self.timeout));
                Err(failed(late.into()))
            }
        }
    }

    async fn tcp(&self, origin: &Origin) -> io::Result<(TcpStream, Making)> {
        let start = now();
        let resolved = self.names.look_up(origin).await?;
        let (found, probes) = (now(), self.probes);
        let ordered = self.addresses().order(resolved, now());
        let raced = eyeballs::race(ordered, |address| async move {
            let stream = TcpStream::connect(address).await?;
            // Small messages must not wait for the peer's acknowledgement of earlier ones.
            stream.set_nodelay(true)?;
            probes.set(socket2::SockRef::from(&stream))?;
            Ok(stream)
        });
        let raced = raced.await;
        let mut addresses = self.addresses();
        for dead in raced.dead {
            addresses.failed(dead, now());
        }
        let (address, stream) = raced.won?;
        addresses.connected(address, now());
        Ok((stream, Making { dns: found - start, connect: now() - found, tls: None }))
    }

    fn addresses(&self) -> MutexGuard<'_, Addresses> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_kernel_has_the_options_that_were_set() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = Origin::of(&format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap()).unwrap();
        let off = Probes { keep_alive: None, unacknowledged: None };
        for (probes, probed, told) in [(Probes::default(), true, Some((60, 120))), (off, false, None)] {
            let connector = Connector::new(Names::default(), Tls::default(), Duration::MAX, probes);
            let (stream, making) = connector.tcp(&origin).await.unwrap();
            let socket = socket2::SockRef::from(&stream);
            assert!(socket.tcp_nodelay().unwrap());
            assert_eq!(socket.keepalive().unwrap(), probed);
            assert!(making.tls.is_none());
            #[cfg(target_os = "linux")]
            assert_eq!(socket.tcp_user_timeout().unwrap(), told.map(|(_, end)| Duration::from_secs(end)));
            #[cfg(target_os = "linux")]
            if let Some((seconds, _)) = told {
                assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(seconds));
            }
        }
    }
}
