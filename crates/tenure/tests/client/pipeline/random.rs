//! Servers that end connections at any byte: every GET is answered, and by its own answer.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// Exchanges in all, each client's share, and how many clients are at it at once.
const EXCHANGES: u64 = 10_000;
const SHARE: u64 = 40;
const CLIENTS: u64 = 4;

/// Xorshift: the same choices in every run of a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// What the content of `path` is: its length depends on it, so that answers cannot be mistaken.
fn content(path: &str) -> String {
    let n: usize = path.parse().unwrap();
    format!("{path}:").repeat(1 + n * 7 % 50)
}

/// How a server ends a connection.
#[derive(Clone, Copy, Debug)]
enum End {
    Fin,
    Reset,
    /// Announced, with the last answer.
    Close,
    /// The end of the connection is the end of the content.
    Delimited,
    /// More than was asked for.
    Stray,
}

const ENDS: [End; 5] = [End::Fin, End::Reset, End::Close, End::Delimited, End::Stray];

/// An answer in one of many forms.
fn answer(random: &mut Random, path: &str) -> String {
    let content = content(path);
    match random.below(4) {
        0 => {
            let (one, two) = content.split_at(content.len() / 2);
            let chunk = |piece: &str| {
                if piece.is_empty() { String::new() } else { format!("{:x}\r\n{piece}\r\n", piece.len()) }
            };
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}{}0\r\n\r\n", chunk(one), chunk(two))
        }
        1 => format!("HTTP/1.1 103 Early Hints\r\nLink: </{path}>\r\n\r\n{}", ok(&content)),
        _ => ok(&content),
    }
}

/// Answers one connection's requests; after some of them it ends, one way or another.
async fn serve(mut peer: Peer, seed: u64) {
    let mut random = Random(seed);
    // A request that is sent alone, again, comes first on its connection: that one is always answered.
    let lives = 1 + random.below(30);
    for n in 1.. {
        let Ok(request) = peer.try_request().await else { return };
        let path = path(&request).to_owned();
        if n < lives {
            peer.send(answer(&mut random, &path)).await;
            continue;
        }
        let content = content(&path);
        match ENDS[random.below(ENDS.len() as u64) as usize] {
            End::Close => {
                let len = content.len();
                peer.send(format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len}\r\n\r\n{content}"))
                    .await;
            }
            End::Delimited => peer.send(format!("HTTP/1.1 200 OK\r\n\r\n{content}")).await,
            End::Stray => peer.send(answer(&mut random, &path) + "bad\r\n\r\n").await,
            End::Fin if n > 1 => {}
            End::Reset if n > 1 => return peer.reset(),
            End::Fin | End::Reset => peer.send(ok(&content)).await,
        }
        peer.fin().await;
        // What the client still sends must not reset what it has not read.
        while peer.fill().await.is_ok_and(|more| more) {}
        return;
    }
}

/// One client that knows nothing of the server yet. How many of its requests stood in a pipeline.
async fn ask(url: String, seed: u64) -> u64 {
    let mut random = Random(seed);
    let depth = 2 + random.below(30) as u8;
    let client = pipelining(depth).connections_per_origin(1 + random.below(3) as usize).build();
    let mut asked = Vec::new();
    for n in 0..SHARE {
        let (client, path) = (client.clone(), (seed % 1000 * SHARE + n).to_string());
        let url = format!("{url}{path}");
        let dropped = random.below(12);
        asked.push(tokio::spawn(async move {
            let mut response = Box::pin(client.get(url));
            if dropped == 0 {
                // Dropped after some polls, wherever it is then.
                let polled = tokio::time::timeout(std::time::Duration::ZERO, &mut response);
                return polled.await.map_or(0, |_| 0);
            }
            let response = response.await.unwrap_or_else(|e| panic!("{path}: {e}"));
            let pipelined = response.connection().unwrap().pipelined.is_some();
            if dropped == 1 {
                return 0;
            }
            let (status, got) = read(Ok(response)).await.unwrap_or_else(|e| panic!("{path}: {e}"));
            assert_eq!((status, got), (200, content(&path)), "{path} got another's answer");
            u64::from(pipelined)
        }));
        if random.below(10) == 0 {
            tokio::task::yield_now().await;
        }
    }
    let mut pipelined = 0;
    for one in asked {
        pipelined += one.await.unwrap();
    }
    pipelined
}

#[test]
fn every_request_gets_its_own_answer_however_connections_end() {
    run_threads(async {
        let script = Script::new().await;
        let url = script.url("/");
        tokio::spawn(async move {
            for seed in 1.. {
                tokio::spawn(serve(script.accept().await, seed * 0x9E37_79B9));
            }
        });
        let next = Arc::new(AtomicU64::new(0));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (url, next) = (url.clone(), Arc::clone(&next));
                tokio::spawn(async move {
                    let mut pipelined = 0;
                    loop {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        if n * SHARE >= EXCHANGES {
                            return pipelined;
                        }
                        pipelined += ask(url.clone(), n + 1).await;
                    }
                })
            })
            .collect();
        let mut pipelined = 0;
        for client in clients {
            pipelined += client.await.unwrap();
        }
        assert!(pipelined > EXCHANGES / 10, "only {pipelined} stood in a pipeline: this shows nothing");
    });
}
