//! The address of a client, also behind reverse proxies.
use std::net::IpAddr;

use actix_web::HttpRequest;
use ipnet::IpNet;

/// Returns the client's address: the peer's, or the one that trusted proxies forwarded.
pub fn of(request: &HttpRequest, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip();
    let forwarded = request.headers().get_all("x-forwarded-for");
    Some(resolve(peer, forwarded.filter_map(|header| header.to_str().ok()), trusted))
}

/// Walks `X-Forwarded-For` from the end as long as trusted proxies wrote the entries. Anyone can
/// forge the entries before that.
fn resolve<'a>(
    peer: IpAddr,
    forwarded: impl Iterator<Item = &'a str>,
    trusted: &[IpNet],
) -> IpAddr {
    let is_trusted = |address: IpAddr| {
        let address = address.to_canonical();
        trusted.iter().any(|network| network.contains(&address))
    };
    let hops: Vec<_> = forwarded.flat_map(|header| header.split(',')).collect();
    let mut client = peer;
    for hop in hops.iter().rev() {
        if !is_trusted(client) {
            break;
        }
        // A proxy only writes addresses.
        let Ok(hop) = hop.trim().parse() else { break };
        client = hop;
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_peers_unless_a_trusted_proxy_names_another() {
        let proxies = ["10.0.0.0/8", "192.0.2.1/32"].map(|network| network.parse().unwrap());
        for (peer, forwarded, expected) in [
            ("203.0.113.9", &["198.51.100.7"][..], "203.0.113.9"),
            ("10.1.2.3", &[], "10.1.2.3"),
            ("::ffff:10.1.2.3", &["198.51.100.7"], "198.51.100.7"),
            ("10.1.2.3", &["8.8.8.8, 198.51.100.7, 192.0.2.1"], "198.51.100.7"),
            ("10.1.2.3", &["8.8.8.8", "198.51.100.7"], "198.51.100.7"),
            ("10.1.2.3", &["198.51.100.7, nonsense"], "10.1.2.3"),
            ("10.1.2.3", &["10.9.9.9"], "10.9.9.9"),
        ] {
            let peer = peer.parse().unwrap();
            let found = resolve(peer, forwarded.iter().copied(), &proxies);
            assert_eq!(found.to_string(), expected, "{forwarded:?}");
            assert_eq!(resolve(peer, forwarded.iter().copied(), &[]), peer);
        }
    }
}
