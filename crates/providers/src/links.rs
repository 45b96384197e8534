//! Fetches web pages for users, but never from networks that only this server can reach.
//!
//! A name is resolved once, all of its addresses are checked, and the connection uses only these
//! addresses. Each redirect is resolved and checked again. No proxy is used, and only the headers
//! that the caller gave are sent.
mod address;
mod body;
mod lookup;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use carrel_domain::link::{FetchedPage, Link, LinkFetcher};
use carrel_domain::{Error, Result};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Response, StatusCode};
use url::{Host, Url};

pub use address::Exempt;
pub use lookup::{Lookup, SystemLookup};

/// Size and time limits of a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkLimits {
    /// Most bytes of a response, both as sent and decompressed.
    pub bytes: u64,
    /// Time from the first lookup to the last byte, including redirects.
    pub time: Duration,
}

/// Most redirects that are followed.
const MAX_REDIRECTS: usize = 5;

/// Most headers that a caller may send.
const MAX_HEADERS: usize = 32;

/// Headers that callers must not set.
const RESERVED: [&str; 10] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "accept-encoding",
    "proxy-authorization",
    "expect",
];

/// Fetches pages over HTTP.
pub struct WebFetcher {
    lookup: Arc<dyn Lookup>,
    exempt: Vec<Exempt>,
    limits: LinkLimits,
    /// Created on first use, because reading the system's certificates takes time.
    tls: OnceLock<rustls::ClientConfig>,
}

impl WebFetcher {
    /// Creates a fetcher. `exempt` lists hosts that may be reached although they are not public.
    pub fn new(lookup: Arc<dyn Lookup>, exempt: Vec<Exempt>, limits: LinkLimits) -> Self {
        Self { lookup, exempt, limits, tls: OnceLock::new() }
    }

    fn tls(&self) -> Result<rustls::ClientConfig> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls.clone());
        }
        let tls = crate::http::tls()?;
        Ok(self.tls.get_or_init(|| tls).clone())
    }

    async fn follow(&self, link: &Link) -> Result<FetchedPage> {
        let mut url = Url::parse(&link.url).map_err(|_| not_an_address())?;
        let mut headers = parse_headers(&link.headers)?;
        for _ in 0..=MAX_REDIRECTS {
            let addresses = self.checked(&url).await?;
            let response = self.ask(&url, addresses, headers.clone()).await?;
            let Some(next) = redirect(&url, &response) else {
                return self.read(url, response, link.take_errors).await;
            };
            let next = next?;
            // Headers for one host must not be sent to another.
            if next.origin() != url.origin() {
                headers.clear();
            }
            url = next;
        }
        Err(nothing("It redirects too many times."))
    }

    /// Returns the addresses of a host if all of them are public.
    async fn checked(&self, url: &Url) -> Result<Vec<IpAddr>> {
        check_form(url)?;
        let addresses = match url.host() {
            Some(Host::Ipv4(address)) => vec![IpAddr::V4(address)],
            Some(Host::Ipv6(address)) => vec![IpAddr::V6(address)],
            Some(Host::Domain(name)) => {
                let found = self.lookup.addresses(name).await;
                let found = found.unwrap_or_default();
                if found.is_empty() {
                    return Err(nothing("Its host name cannot be resolved."));
                }
                if address::is_exempt_name(&self.exempt, name) {
                    return Ok(found);
                }
                found
            }
            None => return Err(not_an_address()),
        };
        match addresses.iter().all(|address| address::is_allowed(&self.exempt, *address)) {
            true => Ok(addresses),
            false => Err(Error::invalid(
                "link",
                "leads to a host that is not public. The operator can allow it with \
                 CARREL_LINK_HOSTS.",
            )),
        }
    }

    async fn ask(&self, url: &Url, addresses: Vec<IpAddr>, headers: HeaderMap) -> Result<Response> {
        let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, 0)).collect();
        // Uses a new client for each request, because a client keeps connections open.
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls()?)
            .dns_resolver(Arc::new(lookup::Fixed(addresses)))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .pool_max_idle_per_host(0)
            .user_agent(concat!("carrel/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(Error::internal)?;
        let accept = HeaderValue::from_static("text/html, text/plain, */*;q=0.5");
        let request = client
            .get(url.clone())
            .header(ACCEPT, accept)
            .header(ACCEPT_ENCODING, HeaderValue::from_static("gzip, identity"))
            .headers(headers);
        request.send().await.map_err(|error| failed(&error))
    }

    async fn read(&self, url: Url, response: Response, take_errors: bool) -> Result<FetchedPage> {
        let status = response.status();
        if !status.is_success() && !take_errors {
            return Err(nothing(&format!(
                "Its host answered with the status {}.",
                status.as_u16()
            )));
        }
        let (mut media_type, charset) = body::declared(response.headers());
        // An error page counts as text, whatever its type.
        if !status.is_success() && media_type != "text/html" {
            media_type = "text/plain".to_owned();
        }
        let content = body::read_limited(response, self.limits.bytes).await?;
        Ok(FetchedPage { url: url.into(), media_type, charset, content })
    }
}

#[async_trait]
impl LinkFetcher for WebFetcher {
    async fn fetch(&self, link: &Link) -> Result<FetchedPage> {
        let fetched = tokio::time::timeout(self.limits.time, self.follow(link)).await;
        let fetched = fetched.unwrap_or_else(|_| Err(nothing("It did not answer in time.")));
        fetched.map_err(|error| match error {
            Error::Unprocessable { reason } => {
                let link = link.url.trim_end_matches('/');
                Error::unprocessable(format!("No URL content found at {link}. ({reason})"))
            }
            other => other,
        })
    }
}

/// Accepts only HTTP URLs without user name and password.
fn check_form(url: &Url) -> Result<()> {
    let is_web = matches!(url.scheme(), "http" | "https");
    let is_plain = url.username().is_empty() && url.password().is_none();
    if is_web && is_plain { Ok(()) } else { Err(not_an_address()) }
}

/// Returns the target of a redirect, if the response is one.
fn redirect(from: &Url, response: &Response) -> Option<Result<Url>> {
    let moved = [
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::FOUND,
        StatusCode::SEE_OTHER,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ];
    let location = response.headers().get(LOCATION)?;
    moved.contains(&response.status()).then(|| {
        let location = location.to_str().map_err(|_| not_an_address())?;
        from.join(location).map_err(|_| not_an_address())
    })
}

fn parse_headers(headers: &[(String, String)]) -> Result<HeaderMap> {
    let invalid = |reason| Error::invalid("scraperHeaders", reason);
    if headers.len() > MAX_HEADERS {
        return Err(invalid("must not be more than 32"));
    }
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::try_from(name).map_err(|_| invalid("has an invalid header name"))?;
        if RESERVED.contains(&name.as_str()) {
            return Err(invalid("names a header that belongs to the connection"));
        }
        let value = HeaderValue::try_from(value).map_err(|_| invalid("has an invalid value"))?;
        map.insert(name, value);
    }
    Ok(map)
}

fn not_an_address() -> Error {
    Error::invalid("link", "Not a valid URL.")
}

fn nothing(reason: &str) -> Error {
    Error::unprocessable(reason.to_owned())
}

/// Returns an error without any text from the host.
fn failed(error: &reqwest::Error) -> Error {
    tracing::debug!(%error, "failed to fetch a page");
    nothing(match error {
        error if error.is_timeout() => "It did not answer in time.",
        error if error.is_connect() => "Its host cannot be reached.",
        _ => "Its answer could not be read.",
    })
}

#[cfg(test)]
mod tests;
