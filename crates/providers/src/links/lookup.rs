//! Resolves host names.
use std::future::ready;
use std::io;
use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// A resolver of host names.
#[async_trait]
pub trait Lookup: Send + Sync {
    /// Returns all addresses of a host.
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// Uses the operating system's resolver.
pub struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// Always returns the addresses that were checked.
pub struct Fixed(pub Vec<SocketAddr>);

impl Resolve for Fixed {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(self.0.clone().into_iter());
        Box::pin(ready(Ok(addresses)))
    }
}
