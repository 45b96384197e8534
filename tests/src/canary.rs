//! Listeners that no request of the server may reach, and names with addresses that a test sets.
use std::io::Write;
use std::net::{SocketAddr, TcpListener};

use anyhow::Result;
use tempfile::NamedTempFile;

use crate::namespace::Namespace;

/// Hears whoever connects to any address of this machine, by either version of IP.
pub struct Canary(TcpListener);

impl Canary {
    pub fn start() -> Result<Self> {
        // Both at once, unless this machine knows only the older one.
        let listener = TcpListener::bind("[::]:0").or_else(|_| TcpListener::bind("0.0.0.0:0"))?;
        listener.set_nonblocking(true)?;
        Ok(Self(listener))
    }

    pub fn port(&self) -> Result<u16> {
        Ok(self.0.local_addr()?.port())
    }

    /// Takes the connections since the last call.
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
    /// `None` where this machine lets nobody make namespaces; the test is left out there.
    pub fn new() -> Result<Option<Self>> {
        let file = NamedTempFile::new()?;
        let place = file.path().display().to_string();
        let namespace = Namespace::new("mount --bind \"$1\" /etc/hosts", &[&place])?;
        Ok(namespace.map(|namespace| Self { namespace, file }))
    }

    /// The command that runs a program with these names.
    pub fn runner(&self) -> Vec<String> {
        self.namespace.runner()
    }

    /// From now on these are the addresses of these names, and there are no other names.
    pub fn set(&self, names: &[(&str, &str)]) -> Result<()> {
        let lines: String =
            names.iter().map(|(name, address)| format!("{address} {name}\n")).collect();
        // In place: another file by the same name would not be the one that is seen.
        let mut file = self.file.as_file();
        file.set_len(0)?;
        std::io::Seek::rewind(&mut file)?;
        Ok(file.write_all(lines.as_bytes())?)
    }
}
