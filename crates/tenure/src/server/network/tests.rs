//! Which addresses a network contains, and what is refused as one.

use super::*;

fn network(text: &str) -> Network {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn contains() {
    // network, first and last address in it, the ones just outside
    let rows = [
        ("10.0.0.0/8", "10.0.0.0", "10.255.255.255", ["9.255.255.255", "11.0.0.0"]),
        ("192.0.2.7", "192.0.2.7", "192.0.2.7", ["192.0.2.6", "192.0.2.8"]),
        ("192.0.2.6/31", "192.0.2.6", "192.0.2.7", ["192.0.2.5", "192.0.2.8"]),
        ("0.0.0.0/0", "0.0.0.0", "255.255.255.255", ["::", "2001:db8::1"]),
        ("128.0.0.0/1", "128.0.0.0", "255.255.255.255", ["127.255.255.255", "0.0.0.0"]),
        ("2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", ["2001:db7::1", "2001:db9::"]),
        ("::1", "::1", "::1", ["::", "::2"]),
        ("::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ["0.0.0.0", "::ffff:192.0.2.1"]),
    ];
    for (text, first, last, outside) in rows {
        assert!(network(text).contains(ip(first)), "{first} in {text}");
        assert!(network(text).contains(ip(last)), "{last} in {text}");
        for address in outside {
            assert!(!network(text).contains(ip(address)), "{address} not in {text}");
        }
    }
}

#[test]
fn an_ipv4_address_written_as_ipv6_is_its_ipv4_address() {
    assert!(network("10.0.0.0/8").contains(ip("::ffff:10.1.2.3")));
    assert!(!network("10.0.0.0/8").contains(ip("::ffff:11.1.2.3")));
    assert!(!network("10.0.0.0/8").contains(ip("::10.1.2.3")), "IPv4-compatible addresses are another, dead thing");
    assert_eq!(network("::ffff:10.0.0.0/104"), network("10.0.0.0/8"));
    assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
}

#[test]
fn refused() {
    let form = ["", "/", "10.0.0.0/", "/8", "10.0.0/8", "10.0.0.0/+8", "10.0.0.0/-1", "10.0.0.0/8/8", "010.0.0.0/8"];
    for text in form.into_iter().chain(["10.0.0.0/256", " 10.0.0.0/8", "fe80::1%eth0", "example.com", "UNIX"]) {
        assert_eq!(text.parse::<TrustedPeer>().expect_err(text).kind, Kind::Form, "{text}");
    }
    assert_eq!("10.0.0.0/33".parse::<Network>().expect_err("33").kind, Kind::TooLong { bits: 32 });
    assert_eq!("::/129".parse::<Network>().expect_err("129").kind, Kind::TooLong { bits: 128 });
    let error = "10.1.2.3/8".parse::<Network>().expect_err("bits behind");
    assert!(error.to_string().contains("write 10.0.0.0/8,"), "{error}");
    assert!("::ffff:10.0.0.0/95".parse::<Network>().is_err());
}

#[test]
fn written_and_read_again() {
    for text in ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "::/0", "unix"] {
        assert_eq!(text.parse::<TrustedPeer>().map(|t| t.to_string()), Ok(text.to_owned()));
    }
}

#[test]
fn a_peer_on_a_unix_socket_is_trusted_by_name_only() {
    assert!(TrustedPeer::Unix.matches(None));
    assert!(!TrustedPeer::Unix.matches(Some(ip("127.0.0.1"))));
    assert!(!TrustedPeer::Network(network("0.0.0.0/0")).matches(None));
}
