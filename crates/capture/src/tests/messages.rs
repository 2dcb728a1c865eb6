//! Which response answers which request.

use super::build::{GET, OK, POST, Talk, story};
use crate::Who::{Client, Server};
use crate::{EndState, Protocol, Stop};

fn fresh() -> Talk {
    Talk::new().open(100, 100)
}

#[test]
fn pipelined() {
    let life = fresh().client(&[GET, POST, GET].concat()).server(&[OK, OK].concat()).after(5).server(OK).life();
    assert_eq!(story(&life), ["GET /a 200 answered", "POST /b 200 answered", "GET /a 200 answered"]);
    let deep = fresh().client(&GET.repeat(40)).server(&OK.repeat(40)).life();
    assert_eq!((deep.exchanges.len(), deep.lost().count()), (40, 0));
    assert!(deep.exchanges.iter().all(crate::Exchange::is_whole));
}

#[test]
fn responses_without_content() {
    let head = b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n";
    let life =
        fresh().client(head).server(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").client(GET).server(OK).life();
    assert_eq!(story(&life), ["HEAD / 200 answered", "GET /a 200 answered"]);
}

#[test]
fn interim_responses_and_expect_continue() {
    let put = b"PUT /c HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
    let life = fresh()
        .client(put)
        .after(9)
        .server(b"HTTP/1.1 100 Continue\r\n\r\n")
        .client(b"abc")
        .server(OK)
        .client(GET)
        .server(OK)
        .life();
    assert_eq!(story(&life), ["PUT /c 200 answered", "GET /a 200 answered"]);
    let refused = fresh().client(put).server(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n").fin(Server).life();
    assert_eq!(story(&refused), ["PUT /c 417 answered"]);
}

#[test]
fn chunked_and_close_delimited() {
    let life = fresh()
        .client(GET)
        .server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        .after(8)
        .server(b"0\r\n\r\n")
        .client(GET)
        .server(b"HTTP/1.1 200 OK\r\n\r\nto the end")
        .fin(Server)
        .life();
    assert_eq!(story(&life), ["GET /a 200 answered", "GET /a 200 answered"]);
    let cut = fresh().client(GET).server(b"HTTP/1.1 200 OK\r\n\r\nto the").reset(Server).life();
    assert_eq!(story(&cut), ["GET /a 200 answered-in-part"]);
}

#[test]
fn a_connection_that_goes_over_to_another_protocol() {
    let upgrade = b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    let switching = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    let life = fresh().client(upgrade).server(switching).client(b"\x81\x02hi").server(b"\x81\x02ho").fin(Client).life();
    assert_eq!(story(&life), ["GET /ws 101 answered"]);
    assert_eq!(life.ending.unwrap().reason, Some(tenure_proto::CloseReason::HandedOver));
}

#[test]
fn a_malformed_request_is_answered_like_any_other() {
    let life = fresh()
        .client(b"GET /\r\n\r\n")
        .server(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        .fin(Server)
        .life();
    assert_eq!(story(&life), ["? ? 400 answered"]);
    assert!(matches!(life.stops[0], Some(Stop::Failed(_))), "{:?}", life.stops);
}

#[test]
fn tls_tells_its_times_and_its_end_only() {
    let hello = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00";
    let answer = b"\x16\x03\x03\x00\x05\x02\x00\x00\x01\x00";
    let data: Vec<u8> = [b"\x17\x03\x03\x00\x64".as_slice(), &[7; 100]].concat();
    let life = fresh()
        .client(hello)
        .server(answer)
        .after(100)
        .client(&data)
        .after(300)
        .server(&data)
        .after(5_000_000)
        .server(b"\x15\x03\x03\x00\x02\x01\x00")
        .fin(Server)
        .life();
    assert_eq!((life.protocol, life.exchanges.len(), life.turns.len()), (Protocol::Tls, 0, 2));
    let ending = life.ending.unwrap();
    assert_eq!((ending.state, ending.reason), (EndState::Idle(std::time::Duration::from_secs(5)), None));
}

#[test]
fn other_protocols_are_named_and_left_alone() {
    let http2 = fresh().client(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").server(b"\0\0\0\x04\0\0\0\0\0").life();
    assert_eq!(http2.protocol, Protocol::Http2);
    let ssh = fresh().server(b"SSH-2.0-x\r\n").client(b"SSH-2.0-y\r\n").life();
    assert_eq!(ssh.protocol, Protocol::Other);
    assert_eq!(fresh().life().protocol, Protocol::Nothing);
}

#[test]
fn without_a_handshake_the_roles_are_known_by_what_is_said() {
    let mut talk = Talk::between("10.0.0.1:80", "10.0.0.2:50000", 5).open(100, 100).client(GET).server(OK);
    talk.packets.drain(..3);
    let life = talk.life();
    assert_eq!(life.client.port(), 80, "a client on a low port");
    assert_eq!(story(&life), ["GET /a 200 answered"]);
}
