//! Facts that only the platform knows. The one module with `unsafe` beside `io::fields`: a `getsockopt`, an `ioctl`
//! and a descriptor's registration.
#![allow(unsafe_code, reason = "no safe interface in a kept crate for TCP_INFO, AsyncFd; audited here")]

use std::io;
use std::time::Duration;

/// What the kernel knows about a TCP connection (`TCP_INFO`, Linux).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct TcpFacts {
    /// The smoothed round-trip time.
    pub round_trip: Duration,
    /// Bytes of ours that the peer's kernel has acknowledged; `None` on kernels that do not tell.
    pub acknowledged: Option<u64>,
    /// The connection is gone: reset, or closed by both sides.
    pub is_closed: bool,
    /// How many segments may be under way unacknowledged, as congestion control has it now.
    pub congestion_window: u32,
}

/// `TCP_CLOSE` of the kernel's `net/tcp_states.h`.
#[cfg(target_os = "linux")]
const TCP_CLOSE: u8 = 7;

/// Asks the kernel about a connected TCP socket.
///
/// # Errors
/// The socket is no TCP socket, or the platform is not Linux.
#[cfg(target_os = "linux")]
pub fn tcp_facts(socket: &impl std::os::fd::AsFd) -> io::Result<TcpFacts> {
    let (info, len) = tcp_info(socket)?;
    // An older kernel answers with a shorter structure.
    let told = std::mem::offset_of!(libc::tcp_info, tcpi_bytes_acked) + size_of::<u64>() <= len;
    Ok(TcpFacts {
        round_trip: Duration::from_micros(info.tcpi_rtt.into()),
        acknowledged: told.then_some(info.tcpi_bytes_acked),
        is_closed: info.tcpi_state == TCP_CLOSE,
        congestion_window: info.tcpi_snd_cwnd,
    })
}

/// What the kernel answers, and how many bytes of it.
#[cfg(target_os = "linux")]
fn tcp_info(socket: &impl std::os::fd::AsFd) -> io::Result<(libc::tcp_info, usize)> {
    use std::os::fd::AsRawFd;

    let fd = socket.as_fd();
    let mut info = std::mem::MaybeUninit::<libc::tcp_info>::zeroed();
    let mut len = size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: `fd` is open for the whole call (borrowed above); `info` is writable for `len` bytes;
    // the kernel writes at most `len` bytes and stores how many.
    let result = unsafe {
        libc::getsockopt(fd.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, info.as_mut_ptr().cast(), &raw mut len)
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `tcp_info` is plain integers, zeroed before the call; any bytes are a valid value.
    Ok((unsafe { info.assume_init() }, len as usize))
}

/// Not known on this platform.
///
/// # Errors
/// Always `Unsupported`.
#[cfg(not(target_os = "linux"))]
pub fn tcp_facts<S>(_socket: &S) -> io::Result<TcpFacts> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Connections that wait in a listening TCP socket's queue. Linux tells it where it tells of a connected
/// socket's segments in flight.
///
/// # Errors
/// The platform is not Linux.
#[cfg(target_os = "linux")]
pub(crate) fn in_queue(listener: &impl std::os::fd::AsFd) -> io::Result<usize> {
    Ok(tcp_info(listener)?.0.tcpi_unacked as usize)
}

/// Not known on this platform.
#[cfg(not(target_os = "linux"))]
pub(crate) fn in_queue<S>(_listener: &S) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Bytes that a connected TCP socket has taken and the peer's kernel has not acknowledged (`SIOCOUTQ`).
/// Cheaper by half than [`tcp_facts`].
///
/// # Errors
/// The socket is not connected, or the platform is not Linux.
#[cfg(target_os = "linux")]
pub(crate) fn unacknowledged(socket: &impl std::os::fd::AsFd) -> io::Result<u64> {
    use std::os::fd::AsRawFd;

    let fd = socket.as_fd();
    let mut bytes: libc::c_int = 0;
    // SAFETY: `fd` is open for the whole call (borrowed above); the kernel writes one `int`.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if result == 0 { Ok(u64::try_from(bytes).unwrap_or(0)) } else { Err(io::Error::last_os_error()) }
}

/// Not known on this platform.
#[cfg(not(target_os = "linux"))]
pub(crate) fn unacknowledged<S>(_socket: &S) -> io::Result<u64> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The process, or the system, has no descriptor left (`EMFILE`, `ENFILE`).
#[cfg(unix)]
pub(crate) fn lacks_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// Not known on this platform.
#[cfg(not(unix))]
pub(crate) fn lacks_descriptors(_error: &io::Error) -> bool {
    false
}

/// What waits on an idle socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Peek {
    /// Nothing: the connection is as it was.
    Nothing,
    /// The peer's FIN.
    Fin,
    /// Bytes, of HTTP or of a layer below it.
    Bytes,
}

/// Looks without waiting and without taking anything. The runtime's own readiness may lag behind
/// the kernel, so this asks the kernel.
#[cfg(unix)]
pub(crate) fn peek(socket: &impl std::os::fd::AsFd) -> io::Result<Peek> {
    let mut byte = [std::mem::MaybeUninit::uninit()];
    match socket2::SockRef::from(socket).peek(&mut byte) {
        Ok(0) => Ok(Peek::Fin),
        Ok(_) => Ok(Peek::Bytes),
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(Peek::Nothing),
        Err(e) => Err(e),
    }
}

/// Not known on this platform: a dead connection shows itself when it is used.
#[cfg(not(unix))]
pub(crate) fn peek<S>(_socket: &S) -> io::Result<Peek> {
    Ok(Peek::Nothing)
}

/// The error that waits on a socket, and takes it.
#[cfg(unix)]
pub(crate) fn take_error(socket: &impl std::os::fd::AsFd) -> io::Result<Option<io::Error>> {
    socket2::SockRef::from(socket).take_error()
}

/// Not known on this platform.
#[cfg(not(unix))]
pub(crate) fn take_error<S>(_socket: &S) -> io::Result<Option<io::Error>> {
    Ok(None)
}

/// A descriptor that the current runtime watches.
///
/// # Errors
/// The runtime's own epoll takes no more.
#[cfg(target_os = "linux")]
pub(crate) fn watch(descriptor: std::os::fd::OwnedFd) -> io::Result<tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>> {
    // SAFETY: an `OwnedFd` is open, and the same descriptor, for as long as it lives.
    unsafe { tokio::io::unix::AsyncFd::register(descriptor) }.map_err(Into::into)
}

/// Sends what the kernel takes at once.
#[cfg(feature = "tls")]
pub(crate) fn send_now(socket: socket2::SockRef<'_>, bytes: &[u8]) -> io::Result<usize> {
    // A peer that is gone is an error here, not a signal to the process.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return socket.send_with_flags(bytes, libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    socket.send(bytes)
}
