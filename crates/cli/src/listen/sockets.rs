//! The listening sockets of one `serve`: bound here, passed by a service manager, or handed over by
//! the process that this one replaces.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use super::address::Address;
use crate::net::activation::{Listener, Named};

/// The name of a listener that this command bound, also in the processes after it: its file is
/// theirs to remove.
const OWN: &str = "tenure-bound";

/// Every listening socket, each with its name.
pub(crate) struct Sockets {
    named: Vec<Named>,
    files: Vec<SocketFile>,
}

impl Sockets {
    /// Those that were passed, and those to bind.
    ///
    /// # Errors
    /// An address cannot be listened on; says which and why.
    pub(crate) async fn open(passed: Vec<Named>, addresses: &[Address]) -> Result<Self, String> {
        let mut sockets = Self { named: passed, files: Vec::new() };
        for address in addresses {
            let listener = bind(address).await.map_err(|error| format!("cannot listen on {address}: {error}"))?;
            sockets.named.push(Named { name: OWN.to_owned(), listener });
        }
        let own = sockets.named.iter().filter(|named| named.name == OWN);
        sockets.files = own.filter_map(|named| SocketFile::of(&named.listener)).collect();
        Ok(sockets)
    }

    /// Where each of them listens, as text for people.
    pub(crate) fn addresses(&self, scheme: &'static str) -> impl Iterator<Item = String> {
        self.named.iter().map(move |named| match &named.listener {
            Listener::Tcp(tcp) => tcp.local_addr().map_or_else(|_| named.name.clone(), |at| format!("{scheme}://{at}")),
            Listener::Unix(unix) => path(unix).map_or_else(|| named.name.clone(), |at| Address::Unix(at).to_string()),
        })
    }

    /// The same sockets once more, for a server. They are closed only when both are.
    ///
    /// # Errors
    /// The process has no descriptor left.
    pub(crate) fn listener(&self) -> io::Result<tenure::server::Listener> {
        use tenure::server::Listener as All;
        let again = |named: &Named| match &named.listener {
            Listener::Tcp(tcp) => tokio::net::TcpListener::from_std(tcp.try_clone()?).map(All::from),
            Listener::Unix(unix) => tokio::net::UnixListener::from_std(unix.try_clone()?).map(All::from),
        };
        self.named.iter().map(again).collect()
    }

    /// Names and descriptors, for a new process.
    pub(crate) fn all(&self) -> Vec<(&str, BorrowedFd<'_>)> {
        self.named.iter().map(|named| (named.name.as_str(), named.listener.as_fd())).collect()
    }

    /// Nobody listens here any more: the files of Unix sockets go too.
    pub(crate) fn close(self) {
        for file in &self.files {
            file.remove();
        }
    }
}

async fn bind(address: &Address) -> io::Result<Listener> {
    match address {
        Address::Tcp(address) => Ok(Listener::Tcp(tokio::net::TcpListener::bind(address).await?.into_std()?)),
        Address::Unix(path) => {
            let listener = bind_path(path)?;
            listener.set_nonblocking(true)?;
            Ok(Listener::Unix(listener))
        }
    }
}

/// The file of a Unix socket outlives its process. One that nobody listens on is replaced.
fn bind_path(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
        bound => return bound,
    }
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file that is no socket"));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)?,
        _ => return Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens there")),
    }
    UnixListener::bind(path)
}

fn path(listener: &UnixListener) -> Option<PathBuf> {
    Some(listener.local_addr().ok()?.as_pathname()?.to_owned())
}

/// The file of a Unix socket, by path and identity: another server may have put its own there since.
struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    fn of(listener: &Listener) -> Option<Self> {
        let Listener::Unix(unix) = listener else { return None };
        let path = path(unix)?;
        let facts = fs::symlink_metadata(&path).ok()?;
        Some(Self { device: facts.dev(), inode: facts.ino(), path })
    }

    fn remove(&self) {
        let is_it = |facts: &fs::Metadata| (facts.dev(), facts.ino()) == (self.device, self.inode);
        if fs::symlink_metadata(&self.path).is_ok_and(|facts| is_it(&facts))
            && let Err(error) = fs::remove_file(&self.path)
        {
            eprintln!("tenure serve: cannot remove {}: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn listen(path: &Path) -> Result<Sockets, String> {
        Sockets::open(Vec::new(), &[Address::Unix(path.to_owned())]).await
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        drop(UnixListener::bind(&path).unwrap());
        let first = listen(&path).await.expect("nobody listens on the old one");
        let refused = listen(&path).await.err().expect("in use");
        assert!(refused.contains("another process listens there"), "{refused}");
        UnixStream::connect(&path).expect("the first one listens on");
        first.close();
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_is_no_socket_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "text").unwrap();
        let refused = listen(&path).await.err().expect("a file");
        assert!(refused.contains("no socket"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "text");
    }

    #[tokio::test]
    async fn the_socket_of_a_later_server_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let first = listen(&path).await.unwrap();
        fs::rename(&path, dir.path().join("moved")).unwrap();
        let second = listen(&path).await.unwrap();
        first.close();
        UnixStream::connect(&path).expect("the second one listens on");
        second.close();
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_file_that_was_not_bound_here_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let listener = Listener::Unix(UnixListener::bind(&path).unwrap());
        Sockets::open(vec![Named { name: "web".into(), listener }], &[]).await.unwrap().close();
        assert!(path.exists());
    }
}
