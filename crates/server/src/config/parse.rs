//! Parsers for configuration values: sizes, durations, addresses, origins, keys.
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Component, PathBuf};
use std::time::Duration;

use carrel_providers::Exempt;
use carrel_services::api_keys::MIN_ENVIRONMENT_KEY_CHARS;
use carrel_services::settings::dump::DumpedSecrets;
use ipnet::IpNet;

/// Parses a number of bytes: `1048576`, or a whole number with a unit of a thousand (`kB`, `MB`,
/// `GB`) or of 1,024 (`KiB`, `MiB`, `GiB`), in any case.
pub fn size(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text)?;
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor).filter(|bytes| *bytes > 0)
}

/// Parses a [`size`] in memory.
pub fn memory(text: &str) -> Option<usize> {
    usize::try_from(size(text)?).ok()
}

/// Parses a whole number with a unit: `ms`, `s`, `m`, `h`, `d` or `w`.
pub fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text)?;
    let seconds: u64 = match unit {
        "ms" => return Some(Duration::from_millis(number)),
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

/// Parses how secrets are written to the `.env` file.
pub fn dumped_secrets(text: &str) -> Option<DumpedSecrets> {
    match text {
        "sealed" => Some(DumpedSecrets::Sealed),
        "plain" => Some(DumpedSecrets::Plain),
        _ => None,
    }
}

/// Parses a number of days from 1 to 36500, or `off`.
pub fn days(text: &str) -> Option<Option<u32>> {
    match text {
        "off" => Some(None),
        _ => text.parse().ok().filter(|days| (1..=36_500).contains(days)).map(Some),
    }
}

/// Parses a [`duration`] above zero, or `never`.
pub fn idle(text: &str) -> Option<Option<Duration>> {
    match text {
        "never" => Some(None),
        _ => duration(text).filter(|idle| !idle.is_zero()).map(Some),
    }
}

/// Parses a duration of at most an hour, in whole seconds.
pub fn deadline(text: &str) -> Option<Duration> {
    let hour = Duration::from_secs(3_600);
    duration(text).filter(|deadline| *deadline <= hour && deadline.subsec_nanos() == 0)
}

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.trim_start()))
}

/// Parses `ADDRESS:PORT`, where the address may be `localhost`.
pub fn address(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix("localhost:") {
        Some(port) => Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port.parse().ok()?)),
        None => text.parse().ok(),
    }
}

/// Parses a number of requests a minute; zero means no limit.
pub fn rate(text: &str) -> Option<u32> {
    text.parse().ok().filter(|rate| *rate <= 1_000_000)
}

/// Parses a comma-separated list of private hosts that links may lead to.
pub fn link_hosts(text: &str) -> Option<Vec<Exempt>> {
    let hosts = text.split(',').map(str::trim).filter(|host| !host.is_empty());
    hosts.map(|host| host.parse().ok()).collect()
}

/// Parses a number of threads from 1 to 256.
pub fn threads(text: &str) -> Option<usize> {
    text.parse().ok().filter(|threads| (1..=256).contains(threads))
}

/// Parses a non-empty path; a relative one is resolved against the current directory.
pub fn path(text: &str) -> Option<PathBuf> {
    let path = std::path::absolute(text).ok()?;
    // `a/.` and `a/./b` equal `a` and `a/b`, and would read oddly in every message.
    Some(path.components().filter(|part| *part != Component::CurDir).collect())
}

/// Parses the URL of a database.
pub fn database_url(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let is_known = matches!(scheme, "sqlite" | "postgres" | "postgresql");
    (is_known && !rest.is_empty()).then(|| text.to_owned())
}

/// Parses comma-separated origins as browsers send them:
/// `https://app.example.com,http://localhost:8080`.
pub fn origins(text: &str) -> Option<Vec<String>> {
    let origins = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
    origins.map(|text| origin(text).map(str::to_owned)).collect()
}

/// Parses comma-separated addresses and networks: `192.0.2.1, 10.0.0.0/8, fd00::/8`.
pub fn networks(text: &str) -> Option<Vec<IpNet>> {
    let networks = text.split(',').map(str::trim).filter(|network| !network.is_empty());
    let network = |text: &str| text.parse().or_else(|_| text.parse().map(IpAddr::into)).ok();
    networks.map(network).collect()
}

fn origin(text: &str) -> Option<&str> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let fits = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '?' | '#' | '@' | '*' | '\\');
    (!host.is_empty() && host.chars().all(fits)).then_some(text)
}

pub fn api_key(text: &str) -> Option<String> {
    let is_long = text.chars().count() >= MIN_ENVIRONMENT_KEY_CHARS;
    (is_long && !text.contains(char::is_whitespace)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_addresses_or_blocks_of_them() {
        let networks = networks("192.0.2.1, 10.0.0.0/8,fd00::/8").unwrap();
        let formatted: Vec<_> = networks.iter().map(ToString::to_string).collect();
        assert_eq!(formatted, ["192.0.2.1/32", "10.0.0.0/8", "fd00::/8"]);
        assert_eq!(super::networks(""), Some(Vec::new()));
        assert!(
            ["*", "10.0.0.0/33", "proxy.example.com"]
                .map(super::networks)
                .iter()
                .all(Option::is_none)
        );
    }

    #[test]
    fn sizes_have_units_of_a_thousand_or_of_1024() {
        for (text, bytes) in [
            ("1", Some(1)),
            ("500kB", Some(500_000)),
            ("10MB", Some(10_000_000)),
            ("10 mib", Some(10 << 20)),
            ("2GiB", Some(2 << 30)),
            ("0", None),
            ("", None),
            ("MB", None),
            ("-1", None),
            ("1.5GB", None),
            ("10 apples", None),
            ("99999999999GB", None),
            ("18446744073709551616", None),
        ] {
            assert_eq!(size(text), bytes, "{text}");
        }
    }

    #[test]
    fn durations_name_their_unit() {
        for (text, seconds) in
            [("10s", 10), ("5m", 300), ("2h", 7_200), ("90d", 7_776_000), ("2w", 1_209_600)]
        {
            assert_eq!(duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        for text in ["", "10", "s", "-1s", "1.5h", "10 years", "99999999999999999999s"] {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!(idle("never"), Some(None));
        assert_eq!(idle("0s"), None);
        assert_eq!(deadline("61m"), None);
    }

    #[test]
    fn addresses_have_a_port() {
        for valid in ["127.0.0.1:3001", "0.0.0.0:0", "[::1]:80", "localhost:3001"] {
            assert!(address(valid).is_some(), "{valid}");
        }
        for invalid in ["", "3001", ":3001", "127.0.0.1", "localhost:", "example.com:80", "::1:80x"]
        {
            assert_eq!(address(invalid), None, "{invalid}");
        }
    }

    #[test]
    fn origins_are_a_scheme_and_a_host() {
        let expected = origins("https://app.example.com, http://localhost:8080,").unwrap();
        assert_eq!(expected, ["https://app.example.com", "http://localhost:8080"]);
        for invalid in ["*", "example.com", "https://", "https://a/b", "https://u@a", "https://*.a"]
        {
            assert_eq!(origins(invalid), None, "{invalid}");
        }
    }

    #[test]
    fn a_database_is_named_by_its_scheme() {
        for valid in ["sqlite:///a/b.db", "postgres://h/d", "postgresql://h/d"] {
            assert!(database_url(valid).is_some(), "{valid}");
        }
        for invalid in ["", "sqlite://", "carrel.db", "mysql://h/d", "sqlite:a.db"] {
            assert_eq!(database_url(invalid), None, "{invalid}");
        }
    }

    #[test]
    fn paths_are_whole() {
        assert_eq!(path("/a/./b/."), Some(PathBuf::from("/a/b")));
        assert!(path("relative").unwrap().is_absolute());
        assert_eq!(path(""), None);
    }
}
