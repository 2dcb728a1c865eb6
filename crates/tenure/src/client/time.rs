//! The clock of the pool.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::io;
use crate::io::clock::asleep;

/// Suspends of less count as none: the two clocks are not read in the same moment.
const NAP: Duration = Duration::from_secs(1);

/// The time by which connections grow old. It goes on while the machine is suspended, as that of
/// their servers does.
pub(super) fn now() -> Instant {
    aged(io::now())
}

/// The same, where the runtime's clock was read just now.
pub(super) fn aged(now: Instant) -> Instant {
    static BEFORE: OnceLock<Duration> = OnceLock::new();
    let asleep = asleep();
    let slept = asleep.saturating_sub(*BEFORE.get_or_init(|| asleep));
    if slept < NAP { now } else { now + slept }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::{Client, ResponseExt as _};

    /// Answers every request of every connection.
    async fn serve(listener: TcpListener) {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut room = [0; 1024];
                while stream.read(&mut room).await.is_ok_and(|read| read > 0) {
                    let sent = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
                    if sent.is_err() {
                        return;
                    }
                }
            });
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_grows_old_while_the_machine_is_suspended() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = tokio::spawn(serve(listener));
        let client = Client::new();
        let post = async || {
            let post = http::Request::post(&url).body(crate::Body::empty()).unwrap();
            let response = client.request(post).await.unwrap();
            response.connection().unwrap().clone()
        };
        now();
        assert_eq!((post().await.id, post().await.id), (1, 1));
        io::clock::sleep(Duration::from_secs(3));
        assert_eq!(post().await.id, 2, "an unknown server is trusted for less than 2 s");
        io::clock::sleep(Duration::from_secs(3600));
        assert!(client.pool().origins[0].idle.iter().all(|idle| idle.idle >= Duration::from_secs(3600)));
        let get = client.get(&url).await.unwrap();
        assert_eq!(get.connection().unwrap().id, 3, "older than any is kept");
        server.abort();
    }
}
