//! A vector database that is spoken to in JSON over HTTP, within deadlines and limits.
use std::error::Error as _;
use std::time::Duration;

use carrel_domain::{Error, Result};
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client, Method, Response, StatusCode};
use serde::Serialize;
use serde_json::Value;
use tokio::time::timeout;
use url::Url;

use crate::store::refusal;

/// How long one request may take, its answer included.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest answer that is read, in bytes.
const LONGEST: usize = 64 << 20;
/// How much of what a store says of a failure is told, in characters.
const LONGEST_WORDS: usize = 300;

/// Where a store is and how it is spoken to.
pub(crate) struct Rest {
    http: Client,
    base: Url,
    key: Option<(HeaderName, HeaderValue)>,
    /// What no message is to show.
    secrets: Vec<String>,
    pub names: Names,
}

/// What people call the store, and the settings by which it was set up.
#[derive(Clone, Copy)]
pub(crate) struct Names {
    pub service: &'static str,
    pub address: &'static str,
    pub key: &'static str,
}

impl Rest {
    /// [`Error::Unavailable`] when the address is not one of HTTP, or the key cannot be sent.
    pub fn new(
        http: Client,
        names: Names,
        address: &str,
        key: Option<(&str, String)>,
    ) -> Result<Self> {
        let unusable = |reason: String| Error::unavailable(names.service, reason);
        let base = Url::parse(address.trim())
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| {
                unusable(format!("{} is not an address of http or https", names.address))
            })?;
        // The password, and the key without the scheme that may come before it.
        let bare = key.as_ref().and_then(|(_, key)| key.split_whitespace().last());
        let secrets = [base.password(), bare].into_iter().flatten().map(str::to_owned).collect();
        let key = match key {
            None => None,
            Some((name, secret)) => {
                let name = HeaderName::from_bytes(name.as_bytes());
                let value = HeaderValue::from_str(&secret);
                let (Ok(name), Ok(mut value)) = (name, value) else {
                    let reason = format!("{} or its header cannot be sent", names.key);
                    return Err(unusable(reason));
                };
                value.set_sensitive(true);
                Some((name, value))
            }
        };
        Ok(Self { http, base, key, secrets, names })
    }

    pub async fn get(&self, path: &[&str]) -> Result<Option<Value>> {
        self.ask(Method::GET, path, None::<&()>).await
    }

    pub async fn post(
        &self,
        path: &[&str],
        body: &(impl Serialize + Sync),
    ) -> Result<Option<Value>> {
        self.ask(Method::POST, path, Some(body)).await
    }

    pub async fn put(
        &self,
        path: &[&str],
        body: &(impl Serialize + Sync),
    ) -> Result<Option<Value>> {
        self.ask(Method::PUT, path, Some(body)).await
    }

    pub async fn delete(&self, path: &[&str]) -> Result<Option<Value>> {
        self.ask(Method::DELETE, path, None::<&()>).await
    }

    /// The answer, or `None` when there is nothing by that name. `path` is below the address; what
    /// follows a `?` in its last part is a query.
    async fn ask(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<Option<Value>> {
        let mut request = self.http.request(method, self.url(path));
        if let Some((name, value)) = &self.key {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let asked = async {
            let response = request.send().await.map_err(|error| self.not_sent(&error))?;
            let status = response.status();
            Ok((status, self.body(response).await?))
        };
        let (status, body) = match timeout(PATIENCE, asked).await {
            Ok(answer) => answer?,
            Err(_) => {
                let address = self.address();
                return Err(self.unavailable(format!("{address} gave no answer for {PATIENCE:?}")));
            }
        };
        if status == StatusCode::NOT_FOUND && is_json(&body) {
            return Ok(None);
        }
        if !status.is_success() {
            return Err(self.refused(status, &body));
        }
        if body.is_empty() {
            return Ok(Some(Value::Null));
        }
        let wrong = |_| {
            let address = self.names.address;
            self.unavailable(format!("its answer is not the JSON expected; check {address}"))
        };
        serde_json::from_slice(&body).map(Some).map_err(wrong)
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        let mut query = None;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty();
            for part in path {
                let (name, rest) =
                    part.split_once('?').map_or((*part, None), |(a, b)| (a, Some(b)));
                if !name.is_empty() {
                    segments.push(name);
                }
                query = rest;
            }
        }
        url.set_query(query);
        url
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        let broken =
            |error| self.unavailable(format!("its answer broke off: {}", root_cause(&error)));
        while let Some(piece) = response.chunk().await.map_err(broken)? {
            if body.len() + piece.len() > LONGEST {
                return Err(self.unavailable(format!("its answer is longer than {LONGEST} bytes")));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    fn not_sent(&self, error: &reqwest::Error) -> Error {
        let (address, cause) = (self.address(), root_cause(error));
        let setting = self.names.address;
        self.unavailable(format!(
            "{address} cannot be reached: {cause}; is it running, and is {setting} right?"
        ))
    }

    fn refused(&self, status: StatusCode, body: &[u8]) -> Error {
        let Names { service, key, address } = self.names;
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => match self.key {
                Some(_) => self.unavailable(format!("it refuses the key; check {key}")),
                None => self.unavailable(format!("it wants a key; set {key}")),
            },
            _ => {
                // Blotted first: half a key is too much as well.
                let words: String = self.blotted(words(body)).chars().take(LONGEST_WORDS).collect();
                let reason = format!("it answered {}: {words} (check {address})", status.as_u16());
                match is_of_the_request(status) {
                    true => refusal(service, self.blotted(reason)),
                    false => self.unavailable(reason),
                }
            }
        }
    }

    pub fn unavailable(&self, reason: impl Into<String>) -> Error {
        Error::unavailable(self.names.service, self.blotted(reason.into()))
    }

    fn blotted(&self, mut reason: String) -> String {
        for secret in self.secrets.iter().filter(|secret| !secret.is_empty()) {
            reason = reason.replace(secret, "[key]");
        }
        reason
    }

    /// An answer that is JSON, but not of the form that was to be expected.
    pub fn strange(&self) -> Error {
        self.unavailable(format!(
            "its answer is of an unknown form; check {} and its version",
            self.names.address
        ))
    }

    /// The address without what may be secret in it.
    fn address(&self) -> String {
        let mut shown = self.base.clone();
        // Neither can fail for an address with a host, which `new` has made sure of.
        let _ = shown.set_username("");
        let _ = shown.set_password(None);
        shown.set_query(None);
        shown.to_string()
    }
}

/// Whether it is what was asked that a store refuses, rather than whoever asks, or everybody for
/// now; a page that is not there means that it is another server.
fn is_of_the_request(status: StatusCode) -> bool {
    let of_all = [
        StatusCode::NOT_FOUND,
        StatusCode::METHOD_NOT_ALLOWED,
        StatusCode::PROXY_AUTHENTICATION_REQUIRED,
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    status.is_client_error() && !of_all.contains(&status)
}

/// A proxy or another server says that there is no such page in HTML.
fn is_json(body: &[u8]) -> bool {
    body.is_empty() || body.first() == Some(&b'{')
}

/// What a store says of a failure, on one line.
fn words(body: &[u8]) -> String {
    let said = serde_json::from_slice::<Value>(body).ok().and_then(|body| {
        let places = ["/message", "/status/error", "/error"];
        places.iter().find_map(|place| Some(body.pointer(place)?.as_str()?.to_owned()))
    });
    let said = said.unwrap_or_else(|| match body.starts_with(b"<") {
        true => "a web page".to_owned(),
        false => String::from_utf8_lossy(body).into_owned(),
    });
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The innermost cause, which says what happened rather than where it was noticed.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(|cause| cause.source()) {
        cause = Some(inner);
    }
    cause.map_or_else(|| "the connection failed".to_owned(), ToString::to_string)
}
