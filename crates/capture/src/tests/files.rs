//! Files of every kind, links of every kind.

use std::io::Cursor;

use super::build::{GET, OK, Packet, Talk, capture, pcap, story};
use crate::{Error, FileEnd, is_capture, read};

fn talk() -> Talk {
    Talk::new().open(100, 100).client(GET).after(250).server(OK)
}

fn talk6() -> Talk {
    Talk::between("[2001:db8::1]:40000", "[2001:db8::2]:80", 7).open(100, 100).client(GET).after(250).server(OK)
}

/// The packets with another link header, made of the type of what is in them and the rest.
fn relinked(talk: &Talk, header: impl Fn(u16) -> Vec<u8>) -> Vec<Packet> {
    let mut packets = talk.packets.clone();
    for (_, data, len) in &mut packets {
        let kind = u16::from_be_bytes([data[12], data[13]]);
        *data = [header(kind), data[14..].to_vec()].concat();
        *len = data.len();
    }
    packets
}

#[track_caller]
fn assert_told(file: &[u8]) {
    assert!(is_capture(file));
    let capture = capture(file);
    assert_eq!(capture.lives.len(), 1, "{capture:?}");
    assert_eq!(story(&capture.lives[0]), ["GET /a 200 answered"]);
    assert_eq!(capture.lives[0].exchanges[0].response.unwrap().message.begun.time.as_micros(), 450);
    assert_eq!(capture.end, FileEnd::Whole);
}

#[test]
fn every_link_that_is_known() {
    for talk in [talk(), talk6()] {
        assert_told(&pcap(1, &talk.packets));
        let vlan = relinked(&talk, |kind| [&[2; 12][..], &[0x81, 0, 0, 5], &kind.to_be_bytes()].concat());
        assert_told(&pcap(1, &vlan));
        let cooked = relinked(&talk, |kind| [&[0; 14][..], &kind.to_be_bytes()].concat());
        assert_told(&pcap(113, &cooked));
        let cooked2 = relinked(&talk, |kind| [&kind.to_be_bytes()[..], &[0; 18]].concat());
        assert_told(&pcap(276, &cooked2));
        for link in [0, 108] {
            assert_told(&pcap(link, &relinked(&talk, |_| vec![0, 0, 0, 2])));
        }
        for link in [12, 101] {
            assert_told(&pcap(link, &relinked(&talk, |_| vec![])));
        }
    }
    let unknown = capture(&pcap(147, &talk().packets));
    assert_eq!((unknown.lives.len(), unknown.unknown_links.get(&147)), (0, Some(&5)));
}

#[test]
fn frames_with_padding_are_no_longer_than_they_say() {
    let mut talk = talk();
    for (_, data, len) in &mut talk.packets {
        data.extend_from_slice(&[0; 20]);
        *len = data.len();
    }
    assert_told(&pcap(1, &talk.packets));
}

#[test]
fn big_endian_and_nanoseconds() {
    let mut big = Vec::new();
    for number in [0xa1b2_c3d4_u32, 0x0002_0004, 0, 0, 65_535, 1] {
        big.extend_from_slice(&number.to_be_bytes());
    }
    let mut nano = pcap(1, &[]);
    nano[..4].copy_from_slice(&0xa1b2_3c4d_u32.to_le_bytes());
    for (time, data, len) in &talk().packets {
        for number in [5, *time as u32, data.len() as u32, *len as u32] {
            big.extend_from_slice(&number.to_be_bytes());
        }
        for number in [5, *time as u32 * 1_000, data.len() as u32, *len as u32] {
            nano.extend_from_slice(&number.to_le_bytes());
        }
        big.extend_from_slice(data);
        nano.extend_from_slice(data);
    }
    assert_told(&big);
    assert_told(&nano);
}

/// A block of pcapng.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().div_ceil(4) * 4;
    let len = (12 + padded) as u32;
    [&kind.to_le_bytes()[..], &len.to_le_bytes(), body, &vec![0; padded - body.len()], &len.to_le_bytes()].concat()
}

fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

#[test]
fn pcapng_with_two_interfaces_and_resolutions() {
    let mut file = block(0x0a0d_0d0a, &[numbers(&[0x1a2b_3c4d, 1]), vec![0xff; 8]].concat());
    // Raw IP in microseconds, then Ethernet in nanoseconds, with statistics that tell of losses.
    file.extend(block(1, &numbers(&[101, 0])));
    file.extend(block(1, &[numbers(&[1, 0]), vec![9, 0, 1, 0, 9, 0, 0, 0], numbers(&[0])].concat()));
    for (time, data, len) in &talk().packets {
        let stamp = (time + 1_000_000) * 1_000;
        let head = numbers(&[1, (stamp >> 32) as u32, stamp as u32, data.len() as u32, *len as u32]);
        file.extend(block(6, &[head, data.clone()].concat()));
    }
    file.extend(block(0x0000_0bad, b"custom"));
    let dropped = [vec![5, 0, 8, 0], 42_u64.to_le_bytes().to_vec(), numbers(&[0])].concat();
    file.extend(block(5, &[numbers(&[1, 0, 0]), dropped].concat()));
    assert_told(&file);
    assert_eq!(capture(&file).dropped, 42);
}

#[test]
fn a_file_that_ends_inside_a_packet_is_told_as_far_as_it_goes() {
    let file = pcap(1, &talk().packets);
    for cut in [1, 10, OK.len() + 40] {
        let capture = capture(&file[..file.len() - cut]);
        assert_eq!(capture.end, FileEnd::Cut);
        assert_eq!(story(&capture.lives[0]), ["GET /a - open"]);
    }
    assert_eq!(capture(&file[..24]).packets, 0);
}

#[test]
fn what_is_no_capture() {
    for bytes in [&b""[..], b"GET / HTTP/1.1\r\n\r\n", b"\xd4\xc3\xb2", b"tenure wire log 1\n"] {
        assert!(!is_capture(bytes));
        assert_eq!(read(Cursor::new(bytes.to_vec()), None).err(), Some(Error::NotACapture));
    }
    // The right begin, and then nothing or nonsense.
    assert_eq!(read(Cursor::new(b"\xd4\xc3\xb2\xa1".to_vec()), None).err(), Some(Error::NotACapture));
    let nonsense = [pcap(1, &[]), vec![0xff; 64]].concat();
    assert_ne!(capture(&nonsense).end, FileEnd::Whole);
}

#[test]
fn no_bytes_whatever_panic() {
    let file = pcap(1, &talk().packets);
    for at in 24..file.len() {
        for value in [0, 0xff, file[at] ^ 0x10] {
            let mut changed = file.clone();
            changed[at] = value;
            let capture = capture(&changed);
            assert!(capture.lives.len() <= 5);
        }
    }
}
