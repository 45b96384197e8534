//! A client for vector databases that use JSON over HTTP, with deadlines and limits.
mod failures;

use std::time::Duration;

use carrel_domain::{Error, Result};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Response, StatusCode};
use serde::Serialize;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};
use url::Url;

use crate::store::refusal;
use failures::{is_json, is_of_the_request, pause_wanted, root_cause, words};

/// Time limit of a request, including its retries and the response.
const PATIENCE: Duration = Duration::from_secs(30);
/// Maximum size of a response, in bytes.
const LONGEST: usize = 64 << 20;
/// Maximum number of retries when the store asks for one.
const REPEATS: usize = 3;
/// Maximum length of a store's error message in our messages, in characters.
const LONGEST_WORDS: usize = 300;

/// The address of a store, with the credentials and headers of its requests.
pub(crate) struct Rest {
    http: Client,
    base: Url,
    key: Option<(HeaderName, HeaderValue)>,
    /// Sent with every request.
    headers: HeaderMap,
    /// Texts that must not appear in messages.
    secrets: Vec<String>,
    pub names: Names,
}

/// The store's display name, and the settings that configure it.
#[derive(Clone, Copy)]
pub(crate) struct Names {
    pub service: &'static str,
    pub address: &'static str,
    pub key: &'static str,
}

pub(crate) struct Answer {
    pub body: Value,
    pub headers: HeaderMap,
}

impl Rest {
    /// Fails with [`Error::Unavailable`] if the address is not HTTP or the key is not a valid
    /// header.
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
        // The secrets are the password in the address, the key without its scheme, and the part of
        // the key after a user name.
        let key_alone = key.as_ref().and_then(|(_, key)| key.split_whitespace().last());
        let inner = key_alone.and_then(|key| key.split_once(':')).map(|(_, inner)| inner);
        let secrets = [base.password(), key_alone, inner].into_iter().flatten().map(str::to_owned);
        let secrets = secrets.collect();
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
        Ok(Self { http, base, key, headers: HeaderMap::new(), secrets, names })
    }

    /// Adds a header to every request.
    pub fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// Returns a client for another address, which also receives the key.
    pub fn at(&self, base: Url) -> Self {
        let Self { http, base: _, key, headers, secrets, names } = self;
        let (http, key, headers) = (http.clone(), key.clone(), headers.clone());
        Self { http, base, key, headers, secrets: secrets.clone(), names: *names }
    }

    pub fn base(&self) -> &Url {
        &self.base
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

    /// Like [`Self::exchange`], without the headers of the response.
    pub async fn ask(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<Option<Value>> {
        Ok(self.exchange(method, path, body).await?.map(|answer| answer.body))
    }

    /// Sends a request. Returns `None` for the status "not found". `path` is relative to the
    /// address; its last segment may contain a query after `?`.
    pub async fn exchange(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<Option<Answer>> {
        let deadline = Instant::now() + PATIENCE;
        let mut left = REPEATS;
        loop {
            let exchange = timeout_at(deadline, self.once(method.clone(), path, body)).await;
            let Ok(answer) = exchange else {
                let address = self.address();
                return Err(self.unavailable(format!("{address} did not answer for {PATIENCE:?}")));
            };
            let (status, headers, body) = answer?;
            let pause = pause_wanted(status, &headers);
            if let Some(pause) =
                pause.filter(|pause| left > 0 && Instant::now() + *pause < deadline)
            {
                left -= 1;
                sleep(pause).await;
                continue;
            }
            return self.read(status, headers, &body);
        }
    }

    async fn once(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>)> {
        let request = self.http.request(method, self.url(path)).headers(self.headers.clone());
        let request = match &self.key {
            Some((name, value)) => request.header(name, value),
            None => request,
        };
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let response = request.send().await.map_err(|error| self.not_sent(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok((status, headers, self.body(response).await?))
    }

    fn read(&self, status: StatusCode, headers: HeaderMap, body: &[u8]) -> Result<Option<Answer>> {
        if status == StatusCode::NOT_FOUND && is_json(body) {
            return Ok(None);
        }
        if !status.is_success() {
            return Err(self.refused(status, body));
        }
        if body.is_empty() {
            return Ok(Some(Answer { body: Value::Null, headers }));
        }
        let invalid_json = |_| {
            let address = self.names.address;
            self.unavailable(format!("its answer is not the JSON expected; check {address}"))
        };
        let body = serde_json::from_slice(body).map_err(invalid_json)?;
        Ok(Some(Answer { body, headers }))
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
        let broke_off =
            |error| self.unavailable(format!("its answer broke off: {}", root_cause(&error)));
        while let Some(piece) = response.chunk().await.map_err(broke_off)? {
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
        let Names { service, address, .. } = self.names;
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => self.key_refused(),
            StatusCode::TOO_MANY_REQUESTS => {
                self.unavailable("the rate limit of its plan is reached; it is tried again later")
            }
            _ => {
                let words = self.for_display(words(body));
                let reason = format!("it answered {}: {words} (check {address})", status.as_u16());
                match is_of_the_request(status) {
                    true => refusal(service, self.blotted(reason)),
                    false => self.unavailable(reason),
                }
            }
        }
    }

    /// Returns the error for a missing or wrong key.
    pub fn key_refused(&self) -> Error {
        let key = self.names.key;
        match self.key {
            Some(_) => self.unavailable(format!("it refuses the key; check {key}")),
            None => self.unavailable(format!("it requires a key; set {key}")),
        }
    }

    /// Returns the [`refusal`] of a store that answers but refuses a request.
    pub fn will_not(&self, reason: impl Into<String>) -> Error {
        refusal(self.names.service, self.blotted(reason.into()))
    }

    /// Returns a store's message, shortened and without secrets.
    pub fn for_display(&self, text: impl Into<String>) -> String {
        // Secrets are removed before shortening, which could leave a part of one.
        self.blotted(text.into()).chars().take(LONGEST_WORDS).collect()
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

    /// Returns the error for a JSON response with an unexpected structure.
    pub fn strange(&self) -> Error {
        self.unavailable(format!(
            "its answer has an unknown format; check {} and its version",
            self.names.address
        ))
    }

    /// Returns the address without parts that may be secret.
    fn address(&self) -> String {
        let mut url = self.base.clone();
        // Neither call fails for an address with a host, which `new` ensures.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.to_string()
    }
}
