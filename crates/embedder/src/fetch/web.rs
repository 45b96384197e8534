//! Fetches a model's files from the Hugging Face hub or from a mirror with the same paths.
use std::io;
use std::path::Path;
use std::time::Duration;

use super::place::Incoming;
use super::{ModelFile, OnProgress};
use crate::catalog::KnownModel;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum time without any data. The time for a whole file is not limited, because it depends on
/// the connection.
const STALLED: Duration = Duration::from_secs(30);
const REDIRECTS: usize = 5;

/// Fetches files and removes each from `missing` once it is in place.
pub async fn fetch(
    model: &KnownModel,
    base: &str,
    missing: &mut Vec<&'static ModelFile>,
    into: &Path,
    progress: OnProgress<'_>,
) -> io::Result<()> {
    let (repository, revision) = model.repository;
    let client = client().map_err(io::Error::other)?;
    while let Some(&file) = missing.last() {
        let url =
            format!("{}/{repository}/resolve/{revision}/{}", base.trim_end_matches('/'), file.name);
        download(&client, &url, file, into, progress).await?;
        missing.pop();
    }
    Ok(())
}

async fn download(
    client: &reqwest::Client,
    url: &str,
    file: &'static ModelFile,
    into: &Path,
    progress: OnProgress<'_>,
) -> io::Result<()> {
    let answer = client.get(url).send().await;
    let mut answer = answer.and_then(reqwest::Response::error_for_status).map_err(of_request)?;
    let mut incoming = Incoming::create(file, into)?;
    while let Some(part) = answer.chunk().await.map_err(of_request)? {
        incoming.write(&part, progress)?;
    }
    incoming.finish(into, progress)
}

fn client() -> Result<reqwest::Client, Box<dyn std::error::Error + Send + Sync>> {
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(carrel_tls::client_config()?)
        .redirect(reqwest::redirect::Policy::limited(REDIRECTS))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(STALLED)
        .user_agent(concat!("carrel/", env!("CARGO_PKG_VERSION")))
        .build()?;
    Ok(client)
}

/// Returns all causes on one line, because the outermost one says little more than "error sending
/// request".
fn of_request(error: reqwest::Error) -> io::Error {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    io::Error::other(text)
}
