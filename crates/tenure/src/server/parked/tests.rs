//! Idle time goes on while the machine sleeps.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::advance;

use super::*;
use crate::io::clock::sleep;
use crate::server::Server;
use crate::{Body, CloseReason, ConnectionInfo, Observer};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn ticks_go_on_while_the_machine_sleeps() {
    sleep(SECOND);
    let epoch = Epoch::new();
    let moment = now() + 2 * SECOND;
    assert_eq!((epoch.at(moment).0, epoch.after(moment).0), (20, 21), "what it slept before does not count");
    let tick = epoch.after(moment);
    sleep(SECOND);
    assert_eq!((epoch.at(moment).0, epoch.after(moment).0), (30, 31));
    assert!(epoch.begins(tick).is_some_and(|begins| begins <= moment - SECOND + Tick::LENGTH));
    sleep(Duration::from_millis(99));
    assert_eq!(epoch.at(moment).0, 30, "less than a tick");
    // Longer than the machine is up.
    sleep(1000 * 86_400 * SECOND);
    assert!(epoch.begins(tick).is_some_and(|begins| begins < epoch.started));
    assert_eq!(epoch.begins(Tick::NEVER), None);
}

/// What happened to connections, in a word each.
#[derive(Default)]
struct Told(Mutex<Vec<&'static str>>);

impl Told {
    async fn until(&self, word: &str) {
        while self.0.lock().unwrap().last() != Some(&word) {
            tokio::task::yield_now().await;
        }
    }
}

impl Observer for Told {
    fn parked(&self, _: u64) {
        self.0.lock().unwrap().push("parked");
    }

    fn closed(&self, _: u64, why: CloseReason, _: u64) {
        self.0.lock().unwrap().push(why.name());
    }
}

/// A server whose clock stands still, with one connection parked.
async fn parked() -> (SocketAddr, TcpStream, Arc<Told>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let idle = tower::service_fn(|request: Request<Body>| async move {
        let idle = request.extensions().get::<ConnectionInfo>().map(|info| info.idle.as_secs());
        Ok::<_, Infallible>(Response::new(Body::from(format!("idle {:05}", idle.unwrap_or_default()))))
    });
    let told = Arc::new(Told::default());
    let server = Server::new().connection_info(true).observer(Arc::clone(&told) as _);
    tokio::spawn(server.serve(listener, idle, std::future::pending::<()>()));
    let mut peer = TcpStream::connect(address).await.unwrap();
    assert_eq!(ask(&mut peer).await, "idle 00000");
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    advance(SECOND + Tick::LENGTH).await;
    told.until("parked").await;
    (address, peer, told)
}

async fn ask(peer: &mut TcpStream) -> String {
    peer.write_all(GET).await.unwrap();
    let mut answer = Vec::new();
    while !answer.windows(5).any(|five| five == b"idle ") || answer.len() < 10 {
        assert!(peer.read_buf(&mut answer).await.unwrap() > 0, "closed");
    }
    String::from_utf8_lossy(&answer[answer.len() - 10..]).into_owned()
}

/// On a clock that moves when it is told.
fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        // While a blocking task runs, an idle runtime does not jump to the next timer.
        let (release, held) = std::sync::mpsc::channel::<()>();
        let _hold = tokio::task::spawn_blocking(move || held.recv());
        test.await;
        drop(release);
    });
}

#[test]
fn who_was_idle_while_the_machine_slept_is_closed_at_the_next_event() {
    run(async {
        let (address, mut peer, told) = parked().await;
        sleep(73 * SECOND);
        let mut second = TcpStream::connect(address).await.unwrap();
        ask(&mut second).await;
        assert_eq!(*told.0.lock().unwrap(), ["parked"], "75 s are not over");
        sleep(SECOND);
        let _third = TcpStream::connect(address).await.unwrap();
        told.until("idle").await;
        assert_eq!(peer.read(&mut [0]).await.unwrap(), 0);
    });
}

#[test]
fn a_request_after_the_sleep_is_answered_and_knows_how_long_it_was() {
    run(async {
        let (_, mut peer, _) = parked().await;
        sleep(7200 * SECOND);
        assert_eq!(ask(&mut peer).await, "idle 07201");
    });
}
