//! Decides which addresses are public.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

/// A host that may be reached although it is not public: a name, an address or a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exempt {
    /// A host name in lower case.
    Name(String),
    Network(IpNet),
}

impl FromStr for Exempt {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if let Ok(network) = text.parse::<IpNet>() {
            return Ok(Self::Network(network.trunc()));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Network(IpNet::from(address)));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let named = text.chars().any(|c| c.is_ascii_alphabetic());
        match named && text.len() <= 253 && text.chars().all(plain) {
            true => Ok(Self::Name(text.trim_end_matches('.').to_lowercase())),
            false => Err(()),
        }
    }
}

pub fn is_exempt_name(exempt: &[Exempt], name: &str) -> bool {
    let name = name.trim_end_matches('.');
    exempt.iter().any(|each| matches!(each, Exempt::Name(known) if known == name))
}

pub fn is_allowed(exempt: &[Exempt], address: IpAddr) -> bool {
    let address = address.to_canonical();
    let covers = |each: &Exempt| matches!(each, Exempt::Network(net) if net.contains(&address));
    is_public(address) || exempt.iter().any(covers)
}

/// Networks that are not public, from the registries of special-purpose addresses (RFC 6890).
const SPECIAL: [(Ipv4Addr, u8); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let contains = |(net, length): &(Ipv4Addr, u8)| {
        Ipv4Net::new(*net, *length).is_ok_and(|net| net.contains(&address))
    };
    !SPECIAL.iter().any(contains)
}

/// True for global unicast addresses, except those that embed other addresses. Addresses that
/// IPv6-only hosts use to reach IPv4 are public if the IPv4 address is.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    match segments {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Protocol assignments and tunnels (such as Teredo), documentation, 6to4.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => false,
        [0x2002, ..] | [0x3fff, 0..=0x0fff, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_public_are_recognized_in_every_spelling() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.9.9.9",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:0808:0808::1",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ] {
            assert!(!is_allowed(&[], address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn public_addresses_may_be_reached() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.128.0.1",
            "172.32.0.1",
            "172.15.255.255",
            "192.0.1.1",
            "192.169.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2001:200::1",
            "2606:4700:4700::1111",
            "2a00:1450::1",
        ] {
            assert!(is_allowed(&[], address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn hosts_are_exempt_by_name_address_or_network() {
        let exempt: Vec<Exempt> = ["Intranet.example.", "127.0.0.1", "10.1.2.3/16", "fd00::/8"]
            .map(|text| text.parse().unwrap())
            .into();
        for address in ["127.0.0.1", "::ffff:127.0.0.1", "10.1.255.1", "fd12::1"] {
            assert!(is_allowed(&exempt, address.parse().unwrap()), "{address}");
        }
        for address in ["127.0.0.2", "10.2.0.1", "fe80::1"] {
            assert!(!is_allowed(&exempt, address.parse().unwrap()), "{address}");
        }
        assert!(is_exempt_name(&exempt, "intranet.example"));
        assert!(is_exempt_name(&exempt, "intranet.example."));
        assert!(!is_exempt_name(&exempt, "www.intranet.example"));
        for wrong in ["", "*", "*.example", "http://a", "a b", "10.0.0.0/33", "1.2.3", "a/8"] {
            assert_eq!(wrong.parse::<Exempt>(), Err(()), "{wrong}");
        }
    }
}
