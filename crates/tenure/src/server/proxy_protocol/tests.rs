//! Headers of both versions: known ones whole and split at every byte, each limit, each malformed
//! kind, and bytes at random.

use tenure_testkit::random::Random;

use super::*;

fn done(used: usize, source: &str, destination: &str) -> Parsed {
    let at = |text: &str| text.parse().expect("an address with a port");
    Parsed::Done { used, header: Header::Addresses { source: at(source), destination: at(destination) } }
}

fn local(used: usize) -> Parsed {
    Parsed::Done { used, header: Header::Local }
}

/// A version 2 header with these bytes behind the fixed part, and their true length stated.
fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).expect("fits the length");
    [v2::SIGNATURE, &[command, family], &length.to_be_bytes(), rest].concat()
}

const TCP4: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 2, 0xdc, 0x04, 0x01, 0xbb];
const TCP6: [u8; 36] = [
    0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
    0, 80, 0xff, 0xff,
];

/// Every kind of valid header, and what it says.
fn valid() -> Vec<(Vec<u8>, Parsed)> {
    let text = [
        ("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", done(47, "192.168.0.1:56324", "192.168.0.11:443")),
        (
            "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
            done(56, "255.255.255.255:65535", "255.255.255.255:65535"),
        ),
        ("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", done(32, "0.0.0.0:0", "0.0.0.0:0")),
        ("PROXY TCP6 2001:DB8::1 ::1 1 2\r\n", done(32, "[2001:db8::1]:1", "[::1]:2")),
        (
            "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
            done(
                104,
                "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
                "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
            ),
        ),
        ("PROXY UNKNOWN\r\n", local(15)),
        ("PROXY UNKNOWN \r\n", local(16)),
        (
            "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
            local(107),
        ),
    ];
    let mut rows: Vec<_> = text.into_iter().map(|(line, parsed)| (line.as_bytes().to_vec(), parsed)).collect();
    let extensions = [0x04, 0, 3, 1, 2, 3, 0xea, 0, 0, 0x03, 0, 4, 9, 9, 9, 9];
    rows.extend([
        (v2(0x21, 0x11, &TCP4), done(28, "192.0.2.1:56324", "198.51.100.2:443")),
        (v2(0x21, 0x21, &TCP6), done(52, "[2001:db8::1]:80", "[2001:db8::2]:65535")),
        (v2(0x21, 0x11, &[&TCP4[..], &extensions].concat()), done(44, "192.0.2.1:56324", "198.51.100.2:443")),
        (v2(0x21, 0x21, &[&TCP6[..], &extensions].concat()), done(68, "[2001:db8::1]:80", "[2001:db8::2]:65535")),
        (v2(0x20, 0x00, &[]), local(16)),
        // LOCAL: the family and all that follows are ignored, whatever they are.
        (v2(0x20, 0xff, &[1, 2, 3]), local(19)),
        (v2(0x20, 0x11, &TCP4), local(28)),
        (v2(0x21, 0x00, &[]), local(16)),
        (v2(0x21, 0x00, &[7; 5]), local(21)),
        (v2(0x21, 0x01, &[]), local(16)),
        (v2(0x21, 0x10, &[7; 12]), local(28)),
        (v2(0x21, 0x12, &TCP4), local(28)),
        (v2(0x21, 0x22, &TCP6), local(52)),
        (v2(0x21, 0x31, &[7; 216]), local(232)),
        (v2(0x21, 0x32, &[&[7; 216][..], &extensions].concat()), local(248)),
    ]);
    rows
}

#[test]
fn valid_headers_whole_split_at_every_byte_and_with_a_tail() {
    for (bytes, expected) in valid() {
        let name = bytes.escape_ascii().to_string();
        assert_eq!(parse(&bytes), Ok(expected), "{name}");
        let Parsed::Done { used, .. } = expected else { panic!("{name} is not complete") };
        assert_eq!(used, bytes.len(), "{name}");
        for end in 0..bytes.len() {
            assert_eq!(parse(&bytes[..end]), Ok(Parsed::NeedMore), "{name} up to {end}");
        }
        for tail in [&b"GET / HTTP/1.1\r\n"[..], b"\r\n", b"\n", b"\0", b"PROXY TCP4", &[0x16, 3, 1]] {
            assert_eq!(parse(&[&bytes, tail].concat()), Ok(expected), "{name} with a tail");
        }
    }
}

#[test]
fn what_is_no_header_is_told_at_its_first_wrong_byte() {
    let others: [&[u8]; 7] = [
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01",
        b"P0",
        b"PROXY\t",
        b"proxy TCP4",
        b"\r\n\r\n\r",
        b"\r\n\r\n\0\r\nQUIT\r",
    ];
    for bytes in others {
        assert_eq!(parse(bytes), Err(ProxyError::NotProxy), "{}", bytes.escape_ascii());
        for end in 0..bytes.len() {
            let parsed = parse(&bytes[..end]);
            assert!(matches!(parsed, Ok(Parsed::NeedMore) | Err(ProxyError::NotProxy)), "{parsed:?}");
        }
    }
    assert_eq!(parse(b"PROXY"), Ok(Parsed::NeedMore));
    assert_eq!(parse(b""), Ok(Parsed::NeedMore));
}

#[test]
fn malformed_words() {
    let rows = [
        "PROXY ",
        "PROXY TCP4",
        "PROXY TCP4 ",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 ",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 ",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3",
        "PROXY TCP4  192.0.2.1 192.0.2.2 1 2",
        "PROXY  TCP4 192.0.2.1 192.0.2.2 1 2",
        "PROXY TCP4\t192.0.2.1 192.0.2.2 1 2",
        "PROXY TCP4 192.0.2.01 192.0.2.2 1 2",
        "PROXY TCP4 192.0.2 192.0.2.2 1 2",
        "PROXY TCP4 192.0.2.256 192.0.2.2 1 2",
        "PROXY TCP4 ::1 192.0.2.2 1 2",
        "PROXY TCP4 192.0.2.1 ::1 1 2",
        "PROXY TCP6 192.0.2.1 ::1 1 2",
        "PROXY TCP6 [::1] ::1 1 2",
        "PROXY TCP6 fe80::1%eth0 ::1 1 2",
        "PROXY TCP6 1::2::3 ::1 1 2",
        "PROXY TCP4 192.0.2.1 192.0.2.2 01 2",
        "PROXY TCP4 192.0.2.1 192.0.2.2 00 2",
        "PROXY TCP4 192.0.2.1 192.0.2.2 +1 2",
        "PROXY TCP4 192.0.2.1 192.0.2.2 -1 2",
        "PROXY TCP4 192.0.2.1 192.0.2.2 65536 2",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 99999999",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 0x2",
        "PROXY tcp4 192.0.2.1 192.0.2.2 1 2",
        "PROXY TCP5 192.0.2.1 192.0.2.2 1 2",
        "PROXY UDP4 192.0.2.1 192.0.2.2 1 2",
        "PROXY UNKNOWNS",
        "PROXY unknown",
        "PROXY TCP4 192.0.2.1\0 192.0.2.2 1 2",
        "PROXY TCP4 192.0.2.\u{0661} 192.0.2.2 1 2",
    ];
    for line in rows {
        assert_eq!(parse(format!("{line}\r\n").as_bytes()), Err(ProxyError::Words), "{line}");
    }
    assert_eq!(parse(b"PROXY TCP4 \xff\xff 192.0.2.2 1 2\r\n"), Err(ProxyError::Words));
}

#[test]
fn a_line_ends_with_crlf_only() {
    for line in [
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\rG",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\r\n",
        "PROXY UNKNOWN \n\r\n",
        "PROXY UNKNOWN a\rb\r\n",
        "PROXY \r\r\n",
    ] {
        assert_eq!(parse(line.as_bytes()), Err(ProxyError::Line), "{line:?}");
    }
}

#[test]
fn a_line_has_at_most_107_bytes() {
    let line = |len: usize| format!("PROXY UNKNOWN {}\r\n", "x".repeat(len - 16)).into_bytes();
    assert_eq!(parse(&line(106)), Ok(local(106)));
    assert_eq!(parse(&line(107)), Ok(local(107)));
    assert_eq!(parse(&line(108)), Err(ProxyError::Line));
    assert_eq!(parse(&line(108)[..106]), Ok(Parsed::NeedMore));
    // The CR is the last byte that could be taken: no LF can follow in time.
    assert_eq!(parse(&line(108)[..107]), Err(ProxyError::Line));
    assert_eq!(parse(&[&b"PROXY "[..], &[b'x'; 1 << 16]].concat()), Err(ProxyError::Line));
}

#[test]
fn version_command_family() {
    for command in (0..=255).filter(|c| !matches!(c, 0x20 | 0x21)) {
        assert_eq!(parse(&[v2::SIGNATURE, &[command]].concat()), Err(ProxyError::Command(command)));
    }
    for family in 0..=255_u8 {
        let assigned = family >> 4 <= 3 && family & 0xf <= 2;
        // Told by the 14th byte, before the length is there.
        let begun = parse(&[v2::SIGNATURE, &[0x21, family]].concat());
        let whole = parse(&v2(0x21, family, &[0; 216]));
        if assigned {
            assert_eq!(begun, Ok(Parsed::NeedMore), "{family:#04x}");
            assert!(matches!(whole, Ok(Parsed::Done { used: 232, .. })), "{family:#04x}: {whole:?}");
        } else {
            assert_eq!(begun, Err(ProxyError::Family(family)));
            assert_eq!(whole, Err(ProxyError::Family(family)));
        }
    }
}

#[test]
fn addresses_must_fit_into_the_stated_length() {
    for (family, len) in [(0x11, 12_u16), (0x12, 12), (0x21, 36), (0x22, 36), (0x31, 216), (0x32, 216)] {
        let short = v2(0x21, family, &vec![0; usize::from(len) - 1]);
        assert_eq!(parse(&short), Err(ProxyError::Short { length: len - 1 }), "{family:#04x}");
        // Told by the length, before the addresses are there.
        assert_eq!(parse(&short[..16]), Err(ProxyError::Short { length: len - 1 }), "{family:#04x}");
        let fits = v2(0x21, family, &vec![0; usize::from(len)]);
        assert!(matches!(parse(&fits), Ok(Parsed::Done { .. })), "{family:#04x}");
    }
}

#[test]
fn extensions_end_within_the_header() {
    let rows: [(&[u8], usize); 5] =
        [(&[4], 28), (&[4, 0], 28), (&[4, 0, 1], 28), (&[4, 0, 1, 9, 5, 0, 2, 9], 32), (&[4, 0xff, 0xff, 9], 28)];
    for (extensions, offset) in rows {
        let bytes = v2(0x21, 0x11, &[&TCP4[..], extensions].concat());
        assert_eq!(parse(&bytes), Err(ProxyError::Extension { offset }), "{extensions:?}");
        assert_eq!(parse(&[&bytes[..], &[0; 300]].concat()), Err(ProxyError::Extension { offset }), "with a tail");
    }
}

#[test]
fn a_header_has_at_most_4096_bytes() {
    let of = |len: usize| v2(0x20, 0, &vec![0; len - 16]);
    assert_eq!(parse(&of(MAX_LEN - 1)), Ok(local(MAX_LEN - 1)));
    assert_eq!(parse(&of(MAX_LEN)), Ok(local(MAX_LEN)));
    assert_eq!(parse(&of(MAX_LEN)[..MAX_LEN - 1]), Ok(Parsed::NeedMore));
    let long = ProxyError::Long { length: 4081 };
    assert_eq!(parse(&of(MAX_LEN + 1)), Err(long));
    assert_eq!(parse(&of(MAX_LEN + 1)[..16]), Err(long), "told by the length");
    assert_eq!(parse(&[v2::SIGNATURE, &[0x21, 0x11, 0xff, 0xff]].concat()), Err(ProxyError::Long { length: 65535 }));
}

/// Whatever comes: no panic, an answer that more bytes cannot take back, and one by [`MAX_LEN`] bytes.
#[test]
fn any_bytes() {
    let mut random = Random::new(7239);
    let seeds: Vec<_> = valid().into_iter().map(|(bytes, _)| bytes).collect();
    for _ in 0..20_000 {
        let mut bytes = random.pick(&seeds).clone();
        for _ in 0..random.below(4) {
            let at = random.below(bytes.len());
            match random.below(3) {
                0 => bytes[at] = random.bits() as u8,
                1 => bytes.truncate(at + 1),
                _ => bytes.insert(at, random.bits() as u8),
            }
        }
        let tail = random.below(64);
        bytes.extend(random.bytes(tail));
        let name = bytes.escape_ascii().to_string();
        let mut settled = None;
        for end in 0..=bytes.len() {
            let parsed = parse(&bytes[..end]);
            match settled {
                None if parsed == Ok(Parsed::NeedMore) => {}
                None => settled = Some(parsed),
                Some(before) => assert_eq!(parsed, before, "{name} up to {end}"),
            }
            if let Ok(Parsed::Done { used, .. }) = parsed {
                assert!(used <= end, "{name}");
            }
        }
        bytes.resize(MAX_LEN, 0);
        assert_ne!(parse(&bytes), Ok(Parsed::NeedMore), "{name}");
    }
}

#[test]
fn who_may_send_a_header() {
    let trusted = ["10.0.0.0/8", "unix"].map(|text| text.parse().expect("a network")).to_vec();
    let required = ProxyProtocol::Required { trusted };
    let rows = [
        (Some("10.1.2.3"), Admission::Header),
        (Some("::ffff:10.1.2.3"), Admission::Header),
        (Some("192.0.2.1"), Admission::Refuse),
        (Some("::1"), Admission::Refuse),
        (None, Admission::Header),
    ];
    for (peer, expected) in rows {
        let address = peer.map(|text| text.parse().expect("an address"));
        assert_eq!(required.admit(address), expected, "{peer:?}");
        assert_eq!(ProxyProtocol::Off.admit(address), Admission::Plain);
        assert_eq!(ProxyProtocol::Required { trusted: Vec::new() }.admit(address), Admission::Refuse);
    }
}
