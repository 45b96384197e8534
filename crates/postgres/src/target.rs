//! Parses a database URL: the server of encrypted connections, and how strictly to verify it.
use std::path::PathBuf;
use std::time::Duration;

use url::{Host, Url};

/// How strictly a connection must be encrypted: libpq's `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mode {
    /// Encrypted if the server supports it.
    Prefer,
    /// Encrypted, without verifying the server.
    Require,
    /// Encrypted, with a trusted certificate.
    VerifyCa,
    /// Encrypted, with a trusted certificate for the host's name.
    VerifyFull,
}

/// The server of encrypted connections.
#[derive(Debug)]
pub(crate) struct Target {
    pub host: String,
    pub port: u16,
    pub mode: Mode,
    /// File with the certificates to trust; the system's if there is none.
    pub root: Option<PathBuf>,
    /// Files with the client's certificate and key.
    pub identity: Option<(PathBuf, PathBuf)>,
    pub connect_timeout: Duration,
}

const PORT: u16 = 5432;
/// Timeout for a URL without `connect_timeout`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

impl Target {
    /// Returns the server for encrypted connections, or `None` if libpq is to connect without
    /// encryption.
    pub fn parse(url: &str) -> Result<Option<Self>, String> {
        let one_host = |parsed: &Url| !parsed.host_str().is_some_and(|host| host.contains(','));
        let Some(parsed) = Url::parse(url).ok().filter(one_host) else {
            // libpq accepts more than standard URLs, such as lists of hosts.
            let insists = url.contains("sslmode=") && !url.contains("sslmode=disable");
            return match insists {
                true => {
                    Err("sslmode needs a URL with one host and a percent-encoded password".into())
                }
                false => Ok(None),
            };
        };
        let parameter = |name: &str| {
            let mut pairs = parsed.query_pairs();
            pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let host = parameter("host").or_else(|| parsed.host_str().map(str::to_owned));
        let host = host.filter(|host| !host.is_empty() && !is_socket(host));
        let root = parameter("sslrootcert").filter(|path| path != "system").map(PathBuf::from);
        let mode = match parameter("sslmode").as_deref() {
            Some("disable" | "allow") => return Ok(None),
            Some("prefer") => Mode::Prefer,
            // libpq verifies the server if it has a root certificate.
            Some("require") if root.is_some() => Mode::VerifyCa,
            Some("require") => Mode::Require,
            Some("verify-ca") => Mode::VerifyCa,
            Some("verify-full") => Mode::VerifyFull,
            Some(other) => {
                return Err(format!(
                    "sslmode is `{other}`, not one of disable, allow, prefer, require, verify-ca, \
                     verify-full"
                ));
            }
            None if host.as_deref().is_none_or(is_loopback) => return Ok(None),
            None => Mode::Prefer,
        };
        let Some(host) = host else { return Ok(None) };
        if parameter("channel_binding").as_deref() == Some("require") {
            return Err("channel_binding=require is not supported; leave it out".into());
        }
        let identity = match (parameter("sslcert"), parameter("sslkey")) {
            (Some(certificate), Some(key)) => Some((certificate.into(), key.into())),
            (None, None) => None,
            _ => return Err("sslcert and sslkey must be given together".into()),
        };
        let port = parameter("port").map_or(Ok(parsed.port().unwrap_or(PORT)), |port| port.parse());
        let port = port.map_err(|_| "the port is not a number from 1 to 65535")?;
        let seconds = parameter("connect_timeout").and_then(|text| text.parse().ok());
        let connect_timeout = seconds.filter(|&seconds| seconds > 0).map(Duration::from_secs);
        let connect_timeout = connect_timeout.unwrap_or(CONNECT_TIMEOUT);
        Ok(Some(Self { host, port, mode, root, identity, connect_timeout }))
    }

    /// Returns `url` for an unencrypted connection by libpq.
    pub fn plain_url(&self, url: &str) -> String {
        with_parameters(url, "sslmode=disable&gssencmode=disable")
    }
}

/// Returns `url` with additional parameters, which override earlier ones.
pub(crate) fn with_parameters(url: &str, parameters: &str) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{parameters}")
}

/// True if `host` is the directory of a Unix socket.
fn is_socket(host: &str) -> bool {
    host.starts_with(['/', '@']) || host.to_ascii_lowercase().starts_with("%2f")
}

fn is_loopback(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Ipv4(address)) => address.is_loopback(),
        Ok(Host::Ipv6(address)) => address.is_loopback(),
        Ok(Host::Domain(name)) => name == "localhost",
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> Option<Mode> {
        Target::parse(url).unwrap().map(|target| target.mode)
    }

    #[test]
    fn the_url_decides_how_strictly_a_connection_is_encrypted() {
        assert_eq!(mode("postgres://u@db.example/d"), Some(Mode::Prefer));
        assert_eq!(mode("postgres://u@db.example/d?sslmode=disable"), None);
        assert_eq!(mode("postgres://u@db.example/d?sslmode=require"), Some(Mode::Require));
        assert_eq!(
            mode("postgres://u@db.example/d?sslmode=require&sslrootcert=/a.crt"),
            Some(Mode::VerifyCa)
        );
        assert_eq!(mode("postgres://u@localhost/d?sslmode=verify-full"), Some(Mode::VerifyFull));
    }

    #[test]
    fn connections_within_this_machine_are_encrypted_only_on_request() {
        for host in ["localhost", "127.0.0.1", "[::1]", "%2Frun%2Fpostgresql", ""] {
            assert_eq!(mode(&format!("postgres://{host}/d")), None, "{host}");
        }
        assert_eq!(mode("postgres:///d?host=/run/postgresql&sslmode=require"), None);
    }

    #[test]
    fn what_is_not_understood_is_refused_rather_than_sent_in_the_clear() {
        for url in [
            "postgres://db.example/d?sslmode=verify_full",
            "postgres://a.example,b.example/d?sslmode=require",
            "postgres://db.example/d?sslmode=require&sslcert=/a.crt",
            "postgres://db.example/d?sslmode=require&channel_binding=require",
            "postgres://db.example/d?sslmode=require&port=x",
        ] {
            assert!(Target::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn port_and_time_limit_come_from_the_url() {
        let url = "postgres://u:p@db.example:6432/d?sslmode=require&connect_timeout=3";
        let target = Target::parse(url).unwrap().unwrap();
        assert_eq!((target.host.as_str(), target.port), ("db.example", 6432));
        assert_eq!(target.connect_timeout, Duration::from_secs(3));
    }
}
