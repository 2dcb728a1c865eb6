//! What the capture lacks is told as unknown, unless nothing depends on it.

use super::build::{GET, OK, POST, Talk, capture, pcap, snapped, story};
use crate::Stop;
use crate::Who::{Client, Server};

fn fresh() -> Talk {
    Talk::new().open(100, 100)
}

#[test]
fn a_lost_head_ends_the_reading_of_its_direction() {
    let life = fresh().client(GET).server(OK).lose(1).client(GET).server(OK).fin(Server).life();
    assert_eq!(story(&life), ["GET /a - unseen", "GET /a - unseen"]);
    assert_eq!(life.stops[1], Some(Stop::Lacking { at: 0, bytes: OK.len() as u64 }));
    let life = fresh().client(GET).server(OK).client(POST).lose(1).server(OK).client(GET).server(OK).fin(Server).life();
    assert_eq!(story(&life)[0], "GET /a 200 answered");
    assert!(matches!(life.stops[0], Some(Stop::Lacking { .. })), "{:?}", life.stops);
    assert_eq!(life.exchanges.len(), 1, "nobody knows what the second one was");
}

#[test]
fn lost_content_of_known_length_changes_nothing() {
    let content = vec![b'x'; 5_000];
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", content.len());
    let life = fresh()
        .client(GET)
        .server(head.as_bytes())
        .server(&content[..2_000])
        .lose(1)
        .server(&content[2_000..])
        .client(POST)
        .server(OK)
        .life();
    assert_eq!(story(&life), ["GET /a 200 answered", "POST /b 200 answered"]);
    assert_eq!(life.lacking, [0, 2_000]);
}

#[test]
fn lost_chunked_content_does() {
    let life = fresh()
        .client(GET)
        .server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")
        .server(b"cde\r\n")
        .lose(1)
        .server(b"0\r\n\r\n")
        .fin(Server)
        .life();
    assert_eq!(story(&life), ["GET /a 200 unseen"]);
}

#[test]
fn a_gap_that_the_receiver_acknowledged_is_given_up_after_a_while() {
    let mut talk = fresh().client(GET).server(OK).lose(1).ack(Client);
    for _ in 0..100 {
        talk = talk.after(10).client(GET).ack(Server);
    }
    assert_eq!(talk.life().exchanges.len(), 101, "requests are told all the same");
}

#[test]
fn packets_recorded_in_part() {
    let content = vec![b'x'; 900];
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", content.len());
    let answer = [head.as_bytes(), &content].concat();
    let talk = fresh().client(GET).server(&answer).client(GET).server(&answer).fin(Server);
    // Ethernet, IP and TCP take 54 bytes: the heads are there, the content is not.
    let capture = capture(&pcap(1, &snapped(&talk.packets, 200)));
    assert_eq!(capture.cut, 2);
    assert_eq!(story(&capture.lives[0]), ["GET /a 200 answered", "GET /a 200 answered"]);
    // Here not even the heads are.
    let capture = super::build::capture(&pcap(1, &snapped(&talk.packets, 70)));
    assert!(capture.lives[0].exchanges.is_empty());
    assert!(matches!(capture.lives[0].stops[0], Some(Stop::Lacking { .. })), "{:?}", capture.lives[0]);
    assert_eq!(capture.lives[0].ending.unwrap().state, crate::EndState::Unknown);
    let capture = super::build::capture(&pcap(1, &snapped(&talk.packets, 50)));
    assert_eq!((capture.lives.len(), capture.headers_cut), (0, talk.packets.len() as u64));
}

#[test]
fn a_direction_that_was_not_recorded() {
    let mut talk = fresh().client(GET).server(OK).client(GET).server(OK).fin(Client);
    let own = talk.packets.iter().enumerate().filter(|(i, _)| matches!(i, 0 | 2 | 3 | 5 | 7));
    talk.packets = own.map(|(_, packet)| packet.clone()).collect();
    let life = talk.life();
    assert_eq!(story(&life).len(), 2);
    assert!(story(&life).iter().all(|line| !line.ends_with("answered")), "{:?}", story(&life));
    let not_processed = |line: &String| line.contains("undelivered") || line.contains("refused");
    assert!(!story(&life).iter().any(not_processed), "{:?}", story(&life));
}

#[test]
fn a_lost_end_of_a_response_is_no_response_that_was_cut_short() {
    // The client acknowledged it, or the FIN stands behind it: it was sent.
    let answer = [OK, b"more"].concat();
    let head = String::from_utf8(answer).unwrap().replace("Length: 2", "Length: 6").into_bytes();
    let sent = fresh().client(GET).server(&head[..head.len() - 4]).server(&head[head.len() - 4..]).lose(1);
    assert_eq!(story(&sent.clone().fin(Server).life()), ["GET /a 200 unseen"]);
    assert_eq!(story(&sent.ack(Client).reset(Server).life()), ["GET /a 200 unseen"]);
    let cut = fresh().client(GET).server(&head[..head.len() - 4]).fin(Server).life();
    assert_eq!(story(&cut), ["GET /a 200 answered-in-part"], "here it was not");
}

#[test]
fn an_answer_to_a_request_that_was_lost_is_not_called_unasked() {
    let life = fresh().client(GET).server(OK).client(POST).lose(1).server(OK).life();
    assert_eq!((story(&life), life.unasked), (vec!["GET /a 200 answered".to_owned()], None));
    assert!(matches!(life.stops, [Some(Stop::Lacking { .. }), Some(Stop::Unmatched)]), "{:?}", life.stops);
}

#[test]
fn where_packets_were_lost_nothing_is_called_not_processed() {
    let race =
        |talk: Talk| talk.after(900_000).fin(Server).after(1_000).unheard(Client, POST).after(10).bare_reset(Server);
    assert_eq!(story(&race(fresh().client(GET).server(OK)).life())[1], "POST /b - likely-undelivered race");
    let content = vec![b'x'; 5_000];
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", content.len());
    let lossy = fresh().client(GET).server(head.as_bytes()).server(&content[..9]).lose(1).server(&content[9..]);
    assert_eq!(story(&race(lossy).life()), ["GET /a 200 answered", "POST /b - unknown race"]);
}

#[test]
fn bytes_that_wait_for_others_have_room_in_all_and_no_more() {
    // A megabyte, in tests. Each answer's content comes before its head, which comes when all contents have.
    let content = vec![b'x'; 50_000];
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", content.len());
    let talks = (0..40_u16).map(|i| {
        let talk = Talk::between(&format!("10.0.0.1:{}", 40_000 + i), "10.0.0.2:80", 7).open(1, 1).client(GET);
        talk.stray(Server, head.len() as i32, &content).after(1_000).server(head.as_bytes())
    });
    let mut packets: Vec<_> = talks.flat_map(|talk| talk.packets).collect();
    packets.sort_by_key(|(time, ..)| *time);
    let lives = capture(&pcap(1, &packets)).lives;
    let answered = lives.iter().filter(|life| story(life) == ["GET /a 200 answered"]).count();
    assert_eq!(lives.len(), 40);
    assert!((15..=25).contains(&answered), "{answered}: the first ones, while there is room");
}

#[test]
fn a_length_that_no_packet_has_is_not_believed() {
    // The IP header says nothing of the length, and the file says four gigabytes.
    let mut talk = fresh().client(GET).server(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\nx");
    let (_, data, len) = talk.packets.last_mut().unwrap();
    data[16..18].fill(0);
    *len = u32::MAX as usize;
    let life = talk.life();
    assert!(life.bytes[1] < 2 << 20, "{:?}", life.bytes);
}
