//! Packet captures: whatever a file holds, reading it ends, within bounds, with an account that is consistent.
//!
//! Input that begins as a capture is read as the file it is. Any other is a script of packets of one connection, so that
//! the fuzzer need not find out about headers to reach what is behind them.

use std::io::{self, Read};

use tenure_capture::{Capture, Error, Life, Moment, Side, is_capture, read};

/// Checks one input.
pub fn check(data: &[u8]) {
    if is_capture(data) {
        return check_file(data);
    }
    let file = written(data);
    assert!(is_capture(&file));
    check_file(&file);
}

fn check_file(file: &[u8]) {
    let told = read(file, None);
    let Ok(capture) = &told else {
        assert!(!is_capture(file) || told.as_ref().is_err_and(|error| *error == Error::NotACapture));
        return;
    };
    consistent(capture);
    let dripped = read(Drip(file), None).expect("what was read whole can be read byte by byte");
    assert_eq!(format!("{capture:?}"), format!("{dripped:?}"));
    for side in [Side::Client, Side::Server, Side::Middle, Side::Both] {
        let stated = read(file, Some(side)).expect("the side says nothing about the file");
        assert_eq!(stated.lives.len(), capture.lives.len());
        consistent(&stated);
    }
}

fn consistent(capture: &Capture) {
    let skipped =
        capture.others + capture.fragments + capture.headers_cut + capture.unknown_links.values().sum::<u64>();
    assert_eq!(capture.packets, capture.segments + skipped);
    for (life, number) in capture.lives.iter().zip(1..) {
        assert_eq!(life.number, number);
        lived(life, capture);
    }
}

fn lived(life: &Life, capture: &Capture) {
    let within = |moment: Moment| (life.first.packet..=life.last.packet).contains(&moment.packet);
    assert!(life.last.packet <= capture.packets && life.last.time <= capture.duration);
    for exchange in &life.exchanges {
        assert!(within(exchange.request.begun) && within(exchange.request.latest));
        if let Some(response) = &exchange.response {
            assert!(within(response.message.begun) && within(response.message.latest));
        }
    }
    assert!(life.closes.iter().all(|close| within(close.at)));
    assert!(life.races().count() <= life.lost().count());
    for (after, from, to) in life.idle() {
        assert!(after <= life.exchanges.len() && from.packet < to.packet);
    }
}

/// One byte at a time.
struct Drip<'a>(&'a [u8]);

impl Read for Drip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let one = buffer.len().min(1);
        self.0.read(&mut buffer[..one])
    }
}

/// A capture of the packets that `script` names: a byte of flags, a length, the payload, and so on.
fn written(script: &[u8]) -> Vec<u8> {
    let mut file = numbers(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 101]);
    let (mut seq, mut rest, mut time) = ([0xffff_ff00_u32, 7], script, 0);
    while let [flags, len, more @ ..] = rest {
        let (payload, more) = more.split_at(more.len().min(usize::from(*len)));
        rest = more;
        time += 150;
        let end = usize::from(flags & 1);
        let mut head = segment(*flags, end, seq, payload.len());
        seq[end] = seq[end].wrapping_add(payload.len() as u32 + u32::from(flags & 0b110 != 0));
        let recorded = match flags >> 5 {
            5 => continue, // the capture lacks it
            6 => &payload[..payload.len() / 2],
            _ => payload,
        };
        let whole = (head.len() + payload.len()) as u32;
        head.extend_from_slice(recorded);
        file.extend(numbers(&[time / 1_000_000, time % 1_000_000, head.len() as u32, whole]));
        file.extend(head);
    }
    file
}

/// The headers of IPv4 and TCP. Flags: 1 from the server, 2 SYN, 4 FIN, 8 RST, 16 nothing acknowledged; above them 7 is for
/// what was sent before, 4 for what comes early.
fn segment(flags: u8, end: usize, seq: [u32; 2], len: usize) -> Vec<u8> {
    let shifted = match flags >> 5 {
        7 => seq[end].wrapping_sub(len as u32 + 1),
        4 => seq[end].wrapping_add(3),
        _ => seq[end],
    };
    let total = (40 + len) as u16;
    let addresses = [[10, 0, 0, 1], [10, 0, 0, 2]];
    let ports = [40_000_u16, 80];
    let mut head = vec![0x45, 0];
    head.extend(total.to_be_bytes());
    head.extend([0, 0, 0, 0, 64, 6, 0, 0]);
    head.extend([addresses[end], addresses[1 - end]].concat());
    head.extend([ports[end].to_be_bytes(), ports[1 - end].to_be_bytes()].concat());
    head.extend([shifted.to_be_bytes(), seq[1 - end].to_be_bytes()].concat());
    let bits = [(2, 0x02), (4, 0x01), (8, 0x04)].iter().filter(|(flag, _)| flags & flag != 0).map(|(_, bit)| bit);
    let ack = if flags & 16 == 0 { 0x10 } else { 0 };
    head.extend([0x50, bits.sum::<u8>() | ack, 0xff, 0xff, 0, 0, 0, 0]);
    head
}

fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}
