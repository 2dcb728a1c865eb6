//! Bytes in the order in which they were sent, however their packets came.

use super::build::{GET, OK, POST, Talk, capture, pcap, story};
use crate::Who::{Client, Server};

const TWO: [&str; 2] = ["GET /a 200 answered", "POST /b 200 answered"];

#[test]
fn a_head_in_pieces_begins_with_its_first_packet() {
    let talk = Talk::new().open(100, 100).client(&GET[..10]).after(500).client(&GET[10..]).after(250).server(OK);
    let life = talk.life();
    assert_eq!(story(&life), ["GET /a 200 answered"]);
    let (request, response) = (life.exchanges[0].request, life.exchanges[0].response.unwrap().message);
    assert_eq!(request.begun.time.as_micros(), 200);
    assert_eq!(request.whole.unwrap().time.as_micros(), 700);
    assert_eq!(response.begun.time.as_micros(), 950);
    assert_eq!((request.start, request.end), (0, GET.len() as u64));
}

#[test]
fn out_of_order() {
    let life = Talk::new()
        .open(100, 100)
        .client(GET)
        .server(OK)
        .client(&POST[..20])
        .after(9)
        .client(&POST[20..])
        .swap()
        .server(OK)
        .life();
    assert_eq!(story(&life), TWO);
    assert_eq!(life.lacking, [0, 0]);
}

#[test]
fn repeated_and_overlapping_segments_add_nothing() {
    let life = Talk::new()
        .open(100, 100)
        .client(GET)
        .stray(Client, -(GET.len() as i32), GET)
        .server(OK)
        .stray(Server, -5, b"k")
        .client(&POST[..30])
        // begins inside what came, and goes on behind it
        .stray(Client, -10, &POST[20..40])
        .client(&POST[30..])
        .server(OK)
        .life();
    assert_eq!(story(&life), TWO);
    assert_eq!(life.bytes[0], (GET.len() + POST.len()) as u64);
    assert!(life.repeated[0] >= 1, "{:?}", life.repeated);
}

#[test]
fn a_keep_alive_probe_is_no_repetition() {
    let life = Talk::new().open(100, 100).client(GET).server(OK).stray(Client, -1, b"\0").ack(Server).life();
    assert_eq!((story(&life), life.repeated), (vec!["GET /a 200 answered".to_owned()], [0, 0]));
}

#[test]
fn sequence_numbers_wrap_around() {
    for isn in [u32::MAX - 40, u32::MAX, 0x8888_fff0, 0] {
        let life = Talk::between("10.0.0.1:40000", "10.0.0.2:80", isn)
            .open(100, 100)
            .client(GET)
            .server(OK)
            .client(POST)
            .server(OK)
            .life();
        assert_eq!(story(&life), TWO, "{isn:x}");
        assert_eq!(life.bytes, [(GET.len() + POST.len()) as u64, 2 * OK.len() as u64]);
    }
}

#[test]
fn a_large_answer_in_many_segments() {
    let content = vec![b'x'; 200_000];
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", content.len());
    let mut talk = Talk::new().open(100, 100).client(GET).server(head.as_bytes());
    for piece in content.chunks(1_400) {
        talk = talk.after(10).server(piece);
    }
    let life = talk.client(POST).server(OK).life();
    assert_eq!(story(&life), TWO);
    assert_eq!(life.exchanges[0].response.unwrap().message.whole.unwrap().time.as_micros(), 200 + 10 * 143);
}

#[test]
fn hundreds_of_connections_are_kept_apart() {
    let mut packets = Vec::new();
    for i in 0..500_u32 {
        let client = format!("10.0.{}.{}:{}", i / 200, i % 200 + 1, 40_000 + i);
        let talk = Talk::between(&client, "10.1.0.1:80", i * 77_777).after(u64::from(i) * 3);
        packets.extend(
            talk.open(100, 50)
                .after(100)
                .client(GET)
                .server(OK)
                .after(1_000)
                .client(POST)
                .server(OK)
                .fin(Client)
                .fin(Server)
                .packets,
        );
    }
    packets.sort_by_key(|(time, ..)| *time);
    let capture = capture(&pcap(1, &packets));
    assert_eq!(capture.lives.len(), 500);
    for (i, life) in capture.lives.iter().enumerate() {
        assert_eq!(story(life), TWO);
        assert_eq!(life.number, i as u64 + 1);
    }
}

#[test]
fn the_same_two_ports_again_are_another_connection() {
    let first = Talk::new().open(100, 100).client(GET).server(OK).fin(Client).fin(Server).ack(Client);
    let again = Talk::between("10.0.0.1:40000", "10.0.0.2:80", 99)
        .after(first.now + 1_000)
        .open(100, 100)
        .client(POST)
        .server(OK);
    let packets = [first.packets, again.packets].concat();
    let capture = capture(&pcap(1, &packets));
    let stories: Vec<_> = capture.lives.iter().flat_map(story).collect();
    assert_eq!((capture.lives.len(), stories), (2, TWO.map(str::to_owned).to_vec()));
}

#[test]
fn a_connection_whose_begin_is_missing_is_read_from_its_first_request() {
    let whole = Talk::new().open(100, 100).client(GET).server(OK).client(POST).server(OK).client(GET).server(OK);
    // In the middle of the first answer.
    let mut talk = whole.clone();
    talk.packets.drain(..4);
    let life = talk.life();
    assert_eq!(story(&life), ["POST /b 200 answered", "GET /a 200 answered"]);
    assert!(life.opening.is_none());
    assert_eq!(life.client.port(), 40_000, "known by what it says");
}

#[test]
fn more_connections_than_are_followed_at_a_time() {
    // A thousand, in tests.
    let mut packets = Vec::new();
    for i in 0..1_250_u32 {
        let client = format!("10.0.{}.{}:{}", i / 200, i % 200 + 1, 40_000 + i);
        let talk = Talk::between(&client, "10.1.0.1:80", i).after(u64::from(i)).open(0, 0).fin(Client).fin(Server);
        packets.extend(talk.packets);
    }
    let first = capture(&pcap(1, &packets));
    assert_eq!((first.lives.len(), first.not_followed), (1_250, 0), "closed ones make room");
    packets.clear();
    for i in 0..1_002_u32 {
        let client = format!("10.0.{}.{}:{}", i / 200, i % 200 + 1, 40_000 + i);
        packets.extend(Talk::between(&client, "10.1.0.1:80", i).open(0, 0).packets);
    }
    let open = capture(&pcap(1, &packets));
    assert_eq!((open.lives.len(), open.not_followed), (1_000, 2), "open ones do not");
}
