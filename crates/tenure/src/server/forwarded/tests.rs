//! The walk from the peer to the client, each form of an entry, and what a client may try to make
//! the server believe.

use http::HeaderValue;
use tenure_testkit::random::Random;

use super::*;

const PROXIES: [&str; 3] = ["10.0.0.0/8", "2001:db8:a::/48", "unix"];

/// The client of a request from `peer` ("unix" for a Unix socket), behind [`PROXIES`].
fn client(peer: &str, field: ForwardedField, lines: &[&[u8]]) -> Option<IpAddr> {
    let name = match field {
        ForwardedField::XForwardedFor => "X-Forwarded-For",
        ForwardedField::Forwarded => "Forwarded",
    };
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(name, HeaderValue::from_bytes(line).expect("a field value"));
    }
    let trusted = PROXIES.map(|text| text.parse().expect("a network"));
    let peer = (peer != "unix").then(|| peer.parse().expect("an address"));
    client_address(peer, &headers, field, &trusted)
}

#[track_caller]
fn expect(peer: &str, field: ForwardedField, lines: &[&str], expected: &str) {
    let lines: Vec<_> = lines.iter().map(|line| line.as_bytes()).collect();
    let got = client(peer, field, &lines).map_or_else(|| "not known".to_owned(), |address| address.to_string());
    assert_eq!(got, expected, "{peer} {field:?} {lines:?}");
}

#[test]
fn the_walk_over_x_forwarded_for() {
    // peer, lines, client
    let rows: [(&str, &[&str], &str); 20] = [
        // The peer is not trusted: nothing it says counts.
        ("192.0.2.1", &[], "192.0.2.1"),
        ("192.0.2.1", &["198.51.100.1"], "192.0.2.1"),
        ("192.0.2.1", &["10.0.0.1"], "192.0.2.1"),
        ("192.0.2.1", &["nonsense"], "192.0.2.1"),
        // The peer is trusted, and the last entry is not.
        ("10.0.0.1", &["192.0.2.60"], "192.0.2.60"),
        ("::ffff:10.0.0.1", &["192.0.2.60"], "192.0.2.60"),
        ("unix", &["192.0.2.60"], "192.0.2.60"),
        ("10.0.0.1", &["10.6.6.6, 192.0.2.60"], "192.0.2.60"),
        ("10.0.0.1", &["6.6.6.6", "192.0.2.60"], "192.0.2.60"),
        ("10.0.0.1", &["6.6.6.6,7.7.7.7", "8.8.8.8 ,192.0.2.60"], "192.0.2.60"),
        ("10.0.0.1", &["\"6.6.6.6, 192.0.2.60"], "192.0.2.60"),
        // Several trusted hops.
        ("10.0.0.1", &["6.6.6.6, 192.0.2.60, 10.0.0.3, 2001:db8:a::2"], "192.0.2.60"),
        ("10.0.0.1", &["6.6.6.6, 192.0.2.60", "10.0.0.3", "10.0.0.2"], "192.0.2.60"),
        ("unix", &["192.0.2.60, ::ffff:10.0.0.3"], "192.0.2.60"),
        // All hops are trusted: the first of them is the client.
        ("10.0.0.1", &["10.0.0.9, 10.0.0.3"], "10.0.0.9"),
        ("10.0.0.1", &[], "10.0.0.1"),
        ("10.0.0.1", &["", " , ,"], "10.0.0.1"),
        ("unix", &[], "not known"),
        // Empty entries are left out.
        ("10.0.0.1", &["192.0.2.60, , 10.0.0.3,,"], "192.0.2.60"),
        ("10.0.0.1", &["192.0.2.60", ""], "192.0.2.60"),
    ];
    for (peer, lines, expected) in rows {
        expect(peer, ForwardedField::XForwardedFor, lines, expected);
    }
}

#[test]
fn entries_of_x_forwarded_for() {
    let rows = [
        ("192.0.2.60", "192.0.2.60"),
        ("192.0.2.60:4711", "192.0.2.60"),
        ("2001:db8::17", "2001:db8::17"),
        ("[2001:db8::17]", "2001:db8::17"),
        ("[2001:db8::17]:4711", "2001:db8::17"),
        ("::ffff:192.0.2.60", "192.0.2.60"),
        ("unknown", "not known"),
        ("_hidden", "not known"),
        ("example.com", "not known"),
        ("192.0.2.60:", "not known"),
        ("192.0.2.60:x", "not known"),
        ("192.0.2.060", "not known"),
        ("192.0.2.60 10.0.0.1", "not known"),
        ("fe80::1%eth0", "not known"),
        ("[192.0.2.60]", "not known"),
        ("[2001:db8::17", "not known"),
        ("[2001:db8::17]x", "not known"),
        ("for=192.0.2.60", "not known"),
    ];
    for (entry, expected) in rows {
        expect("10.0.0.1", ForwardedField::XForwardedFor, &[entry], expected);
        // By way of another trusted hop, and with claims in front, the answer is the same.
        expect("10.0.0.1", ForwardedField::XForwardedFor, &[&format!("10.9.9.9, {entry}, 10.0.0.2")], expected);
    }
    assert_eq!(client("10.0.0.1", ForwardedField::XForwardedFor, &[b"192.0.2.60, \xff\xfe"]), None);
    let claimed: &[&[u8]] = &[b"\xff\xfe, 192.0.2.60"];
    assert!(client("10.0.0.1", ForwardedField::XForwardedFor, claimed).is_some());
}

#[test]
fn elements_of_forwarded() {
    let rows = [
        // The examples of RFC 7239 sections 4, 6 and 7.
        (r#"for="_gazonk""#, "not known"),
        (r#"For="[2001:db8:cafe::17]:4711""#, "2001:db8:cafe::17"),
        ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
        ("for=192.0.2.43, for=198.51.100.17", "198.51.100.17"),
        (r#"for="192.0.2.43:47011""#, "192.0.2.43"),
        (r#"for=192.0.2.43, for="[2001:db8:cafe::17]""#, "2001:db8:cafe::17"),
        ("for=192.0.2.43,for=unknown", "not known"),
        ("for=_hidden, for=_SEVKISEK", "not known"),
        // Forms of the grammar.
        (r#"for="192.0.2.60""#, "192.0.2.60"),
        (r#"for="\1\9\2.0.2.60""#, "192.0.2.60"),
        (r#"for="[2001:db8::17]:_port""#, "2001:db8::17"),
        ("by=203.0.113.43;FOR=192.0.2.60", "192.0.2.60"),
        (";for=192.0.2.60;", "192.0.2.60"),
        ("for=192.0.2.60 ; proto=https", "192.0.2.60"),
        (r#"host="a, b; for=6.6.6.6";for=192.0.2.60"#, "192.0.2.60"),
        (r#"host="a\", \\";for=192.0.2.60"#, "192.0.2.60"),
        (r#"for="[::ffff:192.0.2.60]""#, "192.0.2.60"),
        // Nothing said, or nothing understood.
        ("proto=https;by=203.0.113.43", "not known"),
        ("192.0.2.60", "not known"),
        ("for", "not known"),
        ("for=", "not known"),
        (r#"for="""#, "not known"),
        (r#"for="192.0.2.60"#, "not known"),
        (r#"for="192.0.2.60\"#, "not known"),
        (r#"for="192.0.2.60"x"#, "not known"),
        ("for =192.0.2.60", "not known"),
        ("for= 192.0.2.60", "not known"),
        ("for=192.0.2.60 proto=http", "not known"),
        ("for=192.0.2.60;for=192.0.2.61", "not known"),
        ("for=192.0.2.60;FOR=192.0.2.60", "not known"),
        ("for=192.0.2.60;=x", "not known"),
        ("for=192.0.2.60;x", "not known"),
        ("for=192.0.2.60:80", "not known"), // a colon is for quoted strings only
        (r#"for="2001:db8::17""#, "not known"),
        (r#"for="192.0.2.60:123456""#, "not known"),
        (r#"for="192.0.2.60:_""#, "not known"),
        (r#"for=" 192.0.2.60""#, "not known"),
    ];
    for (element, expected) in rows {
        expect("10.0.0.1", ForwardedField::Forwarded, &[element], expected);
        expect("192.0.2.1", ForwardedField::Forwarded, &[element], "192.0.2.1");
        let more = format!("for=10.9.9.9, {element}, for=10.0.0.2;proto=http");
        expect("10.0.0.1", ForwardedField::Forwarded, &[&more], expected);
        expect("10.0.0.1", ForwardedField::Forwarded, &["for=10.9.9.9", element, "for=10.0.0.2"], expected);
    }
}

/// A client's own claim stands to the left of what the proxy appended, on the same line or above it.
#[test]
fn what_a_client_claims_changes_nothing() {
    let claims = [
        "for=10.0.0.9",
        "for=\"10.0.0.9",
        "for=\"10.0.0.9\\",
        "for=10.0.0.9;host=\"",
        "\"",
        "\\",
        "\\\"",
        "for=\"a\\\\\\\"",
        ";;;",
        "for=10.0.0.9,",
        "for=10.0.0.9;",
        ", , ,",
        "10.0.0.9, 10.0.0.8",
    ];
    let appended = [
        ("for=192.0.2.60", "192.0.2.60"),
        (r#"for="[2001:db8::17]:4711";proto=http"#, "2001:db8::17"),
        (r#"host="a\"b,c";for=192.0.2.60, for="10.0.0.2:80""#, "192.0.2.60"),
    ];
    for claim in claims {
        for (proxy, expected) in appended {
            expect("10.0.0.1", ForwardedField::Forwarded, &[&format!("{claim}, {proxy}")], expected);
            expect("10.0.0.1", ForwardedField::Forwarded, &[claim, proxy], expected);
        }
        expect("10.0.0.1", ForwardedField::XForwardedFor, &[&format!("{claim}, 192.0.2.60")], "192.0.2.60");
    }
}

/// The field that the proxies do not write is the client's alone.
#[test]
fn the_other_field_is_not_read() {
    let trusted = ["10.0.0.0/8".parse().expect("a network")];
    let peer = Some("10.0.0.1".parse().expect("an address"));
    let mut headers = HeaderMap::new();
    headers.insert("x-forwarded-for", HeaderValue::from_static("192.0.2.60"));
    headers.insert("forwarded", HeaderValue::from_static("for=192.0.2.61"));
    let of = |headers: &HeaderMap, field| client_address(peer, headers, field, &trusted).map(|a| a.to_string());
    assert_eq!(of(&headers, ForwardedField::XForwardedFor).as_deref(), Some("192.0.2.60"));
    assert_eq!(of(&headers, ForwardedField::Forwarded).as_deref(), Some("192.0.2.61"));
    headers.remove("x-forwarded-for");
    assert_eq!(of(&headers, ForwardedField::XForwardedFor).as_deref(), Some("10.0.0.1"));
}

/// Whatever a client sends in front, no panic and the proxy's word.
#[test]
fn any_claim() {
    let mut random = Random::new(7239);
    for _ in 0..20_000 {
        let len = random.below(40);
        let mut line = random.text(b"for=\"\\,;:[]_ 10.0.0.9\t\xff", len);
        assert_eq!(client("192.0.2.1", ForwardedField::Forwarded, &[&line]), "192.0.2.1".parse().ok());
        let _ = client("10.0.0.1", ForwardedField::XForwardedFor, &[&line]);
        let _ = client("10.0.0.1", ForwardedField::Forwarded, &[&line]);
        line.extend_from_slice(br#", for="192.0.2.60:80";by="[2001:db8::1]", for=10.0.0.2"#);
        let got = client("10.0.0.1", ForwardedField::Forwarded, &[&line]);
        assert_eq!(got, "192.0.2.60".parse().ok(), "{}", line.escape_ascii());
    }
}
