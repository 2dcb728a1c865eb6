use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::io::Socket;

fn pair() -> (Socket, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    (Socket::enter(ours.into()).unwrap(), theirs)
}

fn is_outside(socket: &Socket) -> bool {
    matches!(socket, Socket::Outside(_))
}

#[tokio::test]
async fn a_request_that_is_there_is_answered_before_the_runtime_hears_of_the_socket() {
    let (mut socket, mut peer) = pair();
    peer.write_all(b"request").unwrap();
    let mut read = [0; 64];
    assert_eq!(socket.read(&mut read).await.unwrap(), 7);
    socket.write_all(b"answer").await.unwrap();
    assert!(is_outside(&socket));
    assert_eq!(peer.read(&mut read).unwrap(), 6);
    peer.write_all(b"another").unwrap();
    assert_eq!(socket.read(&mut read).await.unwrap(), 7);
    assert!(!is_outside(&socket), "a second read leaves others their turn");
}

#[tokio::test]
async fn what_has_to_be_waited_for_is_waited_for() {
    let (mut socket, mut peer) = pair();
    let reader = tokio::spawn(async move {
        let mut read = [0; 64];
        (socket.read(&mut read).await.unwrap(), socket)
    });
    tokio::task::yield_now().await;
    peer.write_all(b"request").unwrap();
    let (read, mut socket) = reader.await.unwrap();
    assert_eq!(read, 7);

    let descriptor = socket.leave().unwrap();
    socket = Socket::enter(descriptor).unwrap();
    let content = vec![0; 8 << 20];
    let writer = tokio::spawn(async move { socket.write_all(&content).await.map(|()| socket) });
    tokio::task::yield_now().await;
    let mut come = 0;
    let come = tokio::task::spawn_blocking(move || {
        let mut room = vec![0; 1 << 20];
        while come < 8 << 20 {
            come += peer.read(&mut room).unwrap();
        }
        come
    });
    assert!(!is_outside(&writer.await.unwrap().unwrap()));
    assert_eq!(come.await.unwrap(), 8 << 20);
}

#[tokio::test]
async fn it_leaves_as_it_came() {
    let (socket, mut peer) = pair();
    let mut again = Socket::enter(socket.leave().unwrap()).unwrap();
    assert_eq!((again.peer(), again.local()), (None, None));
    peer.write_all(b"request").unwrap();
    let mut read = [0; 64];
    assert_eq!(again.read(&mut read).await.unwrap(), 7);
}
