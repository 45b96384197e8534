//! Wiring of the browser interface, and the setup link.
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::web::Data;
use carrel_domain::Result;
use carrel_domain::audit::By;
use carrel_services::ownership::SetupState;
use carrel_web::{Options, Site};

use crate::VERSION;
use crate::config::Config;
use crate::wiring::App;

/// Builds the shared state of the pages.
pub fn site(app: &App, config: &Config) -> Data<Site> {
    let is_postgres = config.database.url.starts_with("postgres");
    let options = Options {
        version: VERSION,
        upload_limit: config.limits.upload,
        upload_dir: config.storage.uploads(),
        storage_dir: config.storage.root().to_owned(),
        database: if is_postgres { "PostgreSQL" } else { "SQLite" },
        trusted_proxies: config.api.trusted_proxies.clone(),
        memory,
    };
    Data::new(Site::new(app.ports.clone(), options))
}

/// Creates a setup link.
pub async fn setup_link(app: &App, listens: SocketAddr, by: &By) -> Result<String> {
    let secret = app.ports.ownership.issue_link(by).await?;
    Ok(format!("http://{}/setup?token={}", reachable(listens), secret.reveal()))
}

/// Whether the server has not been set up yet.
pub async fn is_fresh(app: &App) -> Result<bool> {
    Ok(app.ports.ownership.setup_state().await? == SetupState::Fresh)
}

/// Returns an address that can be opened on this machine, even if the server listens on all
/// addresses.
pub fn reachable(listens: SocketAddr) -> SocketAddr {
    let here = match listens.ip() {
        ip if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(here, listens.port())
}

/// Returns the resident memory of this process in bytes, if the system reports it.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_reachable_locally() {
        let reachable_at = |address: &str| reachable(address.parse().unwrap()).to_string();
        assert_eq!(reachable_at("0.0.0.0:3001"), "127.0.0.1:3001");
        assert_eq!(reachable_at("[::]:80"), "127.0.0.1:80");
        assert_eq!(reachable_at("192.0.2.7:3001"), "192.0.2.7:3001");
    }
}
