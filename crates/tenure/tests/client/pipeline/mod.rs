//! Pipelining against scripted servers: what goes out together, what comes back to whom, and what
//! becomes of requests whose connection ends before their answer.

mod cut;
mod limits;
mod observed;
mod order;
mod patience;
mod random;

use std::sync::Arc;

use http::{Method, Response};
use tenure::client::{Builder, Pipelining};
use tenure::{Body, Client, ConnectionInfo, Error, ResponseExt as _};
use tokio::task::JoinHandle;

use super::{read, request};
use crate::common::*;

/// An answer with content.
fn ok(content: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{content}", content.len())
}

fn pipelining(depth: u8) -> Builder {
    Client::builder().pipelining(Pipelining::Safe { depth })
}

/// A server that a test plays, and a client with one connection at a time to it.
struct Stage {
    script: Script,
    client: Client,
    story: Arc<Story>,
}

impl Stage {
    async fn new(builder: Builder) -> Self {
        let story = Story::new();
        let client = builder.observer(Arc::clone(&story) as _).build();
        Self { script: Script::new().await, client, story }
    }

    /// With a connection on which the server has shown that it persists.
    async fn shown(depth: u8) -> (Self, Peer) {
        Self::new(pipelining(depth).connections_per_origin(1)).await.into_shown().await
    }

    async fn into_shown(self) -> (Self, Peer) {
        let peer = self.show().await;
        (self, peer)
    }

    /// One request, alone; its connection.
    async fn show(&self) -> Peer {
        let first = self.get("/first");
        let mut peer = self.script.accept().await;
        peer.expect(["GET /first"]).await;
        peer.send(ok("first")).await;
        assert_eq!(whole(first).await, "200 first");
        peer
    }

    fn get(&self, path: &str) -> JoinHandle<Result<Response<Body>, Error>> {
        self.ask(Method::GET, path)
    }

    fn ask(&self, method: Method, path: &str) -> JoinHandle<Result<Response<Body>, Error>> {
        let (client, request) = (self.client.clone(), request(method, &self.script.url(path), Body::empty()));
        tokio::spawn(async move { client.request(request).await })
    }

    /// GETs of `/from` and so on, all at once.
    fn gets(&self, numbers: std::ops::Range<usize>) -> Vec<JoinHandle<Result<Response<Body>, Error>>> {
        numbers.map(|n| self.get(&format!("/{n}"))).collect()
    }

    /// How many requests were sent again, by their fates.
    fn repeated(&self) -> Vec<String> {
        self.story.now().into_iter().filter_map(|line| Some(line.strip_prefix("repeated ")?.to_owned())).collect()
    }
}

/// A response's status and content.
async fn whole(response: JoinHandle<Result<Response<Body>, Error>>) -> String {
    let (status, content) = read(response.await.unwrap()).await.unwrap();
    format!("{status} {content}")
}

/// Reads them all as they come.
fn reading(responses: impl IntoIterator<Item = JoinHandle<Result<Response<Body>, Error>>>) -> Vec<JoinHandle<String>> {
    responses.into_iter().map(|response| tokio::spawn(whole(response))).collect()
}

/// Statuses and contents, in the order of asking.
async fn all(reading: Vec<JoinHandle<String>>) -> Vec<String> {
    let mut all = Vec::new();
    for one in reading {
        all.push(one.await.unwrap());
    }
    all
}

/// A response's facts; its content is read.
async fn facts(response: JoinHandle<Result<Response<Body>, Error>>) -> ConnectionInfo {
    let response = response.await.unwrap().unwrap();
    let info = response.connection().unwrap().clone();
    read(Ok(response)).await.unwrap();
    info
}

impl Peer {
    /// Requests in this order, and nothing behind them.
    async fn expect<const N: usize>(&mut self, requests: [&str; N]) {
        for expected in requests {
            assert_eq!(self.request().await.start, format!("{expected} HTTP/1.1"));
        }
        self.nothing_more(&format!("{requests:?}")).await;
    }

    /// Asks the kernel: what the runtime knows may be old.
    async fn nothing_more(&self, than: &str) {
        settle().await;
        let peeked = socket2::SockRef::from(&self.stream).peek(&mut [std::mem::MaybeUninit::uninit()]);
        let quiet = peeked.is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock);
        assert!(self.unread.is_empty() && quiet, "more than {than}");
    }

    /// Answers requests one at a time, each with its path, until the connection ends.
    async fn echo(mut self) {
        while let Ok(request) = self.try_request().await {
            self.send(ok(path(&request))).await;
        }
    }
}

/// A request's path, without its slash.
fn path(request: &Message) -> &str {
    request.start.split(' ').nth(1).unwrap().trim_start_matches('/')
}
