//! Listeners that no request of the server may reach, and names with addresses that a test sets.
use std::io::Write;
use std::net::{SocketAddr, TcpListener};

use anyhow::Result;
use tempfile::NamedTempFile;

use crate::namespace::Namespace;

/// Accepts connections to any address of this machine, with IPv4 and IPv6.
pub struct Canary(TcpListener);

impl Canary {
    pub fn start() -> Result<Self> {
        // Both versions at once, unless this machine only supports IPv4.
        let listener = TcpListener::bind("[::]:0").or_else(|_| TcpListener::bind("0.0.0.0:0"))?;
        listener.set_nonblocking(true)?;
        Ok(Self(listener))
    }

    pub fn port(&self) -> Result<u16> {
        Ok(self.0.local_addr()?.port())
    }

    /// Returns the connections since the last call.
    pub fn visitors(&self) -> Vec<SocketAddr> {
        std::iter::from_fn(|| self.0.accept().ok().map(|(_, from)| from)).collect()
    }
}

/// `/etc/hosts` of a few processes, which can change while they run.
pub struct Hosts {
    namespace: Namespace,
    file: NamedTempFile,
}

impl Hosts {
    /// Returns `None` if this machine does not allow namespaces; the test is skipped then.
    pub fn new() -> Result<Option<Self>> {
        let file = NamedTempFile::new()?;
        let place = file.path().display().to_string();
        let namespace = Namespace::new("mount --bind \"$1\" /etc/hosts", &[&place])?;
        Ok(namespace.map(|namespace| Self { namespace, file }))
    }

    /// Returns the command that runs a program with these names.
    pub fn runner(&self) -> Vec<String> {
        self.namespace.runner()
    }

    /// Replaces all names and their addresses.
    pub fn set(&self, names: &[(&str, &str)]) -> Result<()> {
        let lines: String =
            names.iter().map(|(name, address)| format!("{address} {name}\n")).collect();
        // Written in place, because a new file of the same name would not be visible in the
        // namespace.
        let mut file = self.file.as_file();
        file.set_len(0)?;
        std::io::Seek::rewind(&mut file)?;
        Ok(file.write_all(lines.as_bytes())?)
    }
}
