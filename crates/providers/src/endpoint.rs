//! One provider's address and key, asked within deadlines and read within limits.
use std::error::Error as _;
use std::time::Duration;

use carrel_domain::{Error, Result};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use tokio::time::timeout;
use url::Url;

use crate::refusal::{self, Hints};

/// How much of a refusal is read, in bytes.
const LONGEST_REFUSAL: usize = 16 << 10;

/// How long a provider may be silent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadlines {
    /// Until it begins to answer. A local model may have to be loaded from disk first.
    pub first: Duration,
    /// Between two pieces of an answer.
    pub silence: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { first: Duration::from_secs(300), silence: Duration::from_secs(120) }
    }
}

/// Where a provider is and how it is spoken to.
pub(crate) struct Endpoint {
    pub http: reqwest::Client,
    /// Ends in a slash.
    base: Url,
    key: Option<String>,
    authorization: Option<HeaderValue>,
    /// What is said to be unavailable: "the language model".
    service: &'static str,
    hints: Hints,
    pub deadlines: Deadlines,
}

impl Endpoint {
    /// [`Error::Unavailable`] when the address is not one of HTTP or the key cannot be sent.
    pub fn new(
        http: reqwest::Client,
        base: &str,
        key: Option<String>,
        service: &'static str,
        hints: Hints,
    ) -> Result<Self> {
        let unusable = |reason: String| Error::unavailable(service, reason);
        let mut base = Url::parse(base.trim())
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| {
                unusable(format!("{} is not an address of http or https", hints.base))
            })?;
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let authorization = match &key {
            None => None,
            Some(key) => {
                let mut value = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| {
                    unusable(format!("{} holds characters that no key has", hints.key))
                })?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        Ok(Self { http, base, key, authorization, service, hints, deadlines: Deadlines::default() })
    }

    pub fn base(&self) -> &Url {
        &self.base
    }

    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The error that says why, with the key blotted out should the reason contain it.
    pub fn unavailable(&self, reason: impl Into<String>) -> Error {
        let mut reason = reason.into();
        for secret in [self.key(), self.base.password()].into_iter().flatten() {
            if !secret.is_empty() {
                reason = reason.replace(secret, "[key]");
            }
        }
        Error::unavailable(self.service, reason)
    }

    /// Sends `body` to `path` below the base and waits for the head of a successful answer.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Response> {
        self.send(path, |request| request.json(body)).await
    }

    /// As [`Endpoint::post`], with the body that `fill` gives to the request.
    pub async fn send(
        &self,
        path: &str,
        fill: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path()));
        let mut request = fill(self.http.post(url));
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let response = match timeout(self.deadlines.first, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(self.not_sent(&error)),
            Err(_) => return Err(self.too_slow(self.deadlines.first)),
        };
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let message = refusal::message(&self.beginning(response).await);
        Err(self.refused(status, &message))
    }

    pub fn refused(&self, status: reqwest::StatusCode, message: &str) -> Error {
        self.unavailable(self.hints.refused(status, message))
    }

    /// The next piece of a body; `None` at its end.
    pub async fn piece(&self, response: &mut Response) -> Result<Option<Vec<u8>>> {
        match timeout(self.deadlines.silence, response.chunk()).await {
            Ok(Ok(piece)) => Ok(piece.map(|bytes| bytes.to_vec())),
            Ok(Err(error)) => {
                Err(self.unavailable(format!("its answer broke off: {}", root_cause(&error))))
            }
            Err(_) => Err(self.too_slow(self.deadlines.silence)),
        }
    }

    /// A whole body in JSON of at most `limit` bytes.
    pub async fn json<T: serde::de::DeserializeOwned>(
        &self,
        mut response: Response,
        limit: usize,
    ) -> Result<T> {
        if content_type(&response).contains("html") {
            return Err(self.web_page());
        }
        let mut body = Vec::new();
        while let Some(piece) = self.piece(&mut response).await? {
            if body.len() + piece.len() > limit {
                return Err(self.unavailable(format!("its answer is longer than {limit} bytes")));
            }
            body.extend_from_slice(&piece);
        }
        serde_json::from_slice(&body).map_err(|error| {
            self.unavailable(format!("its answer is not the JSON expected: {error}"))
        })
    }

    pub fn web_page(&self) -> Error {
        let hint = match self.hints.base {
            "" => String::new(),
            base => format!("; check {base}, which usually ends in /v1"),
        };
        self.unavailable(format!("a web page came in place of an answer{hint}"))
    }

    pub fn too_slow(&self, waited: Duration) -> Error {
        self.unavailable(format!("nothing came from {} for {waited:?}", self.address()))
    }

    pub fn not_sent(&self, error: &reqwest::Error) -> Error {
        let hint = match self.hints.base {
            "" => String::new(),
            base => format!("; is it running, and is {base} right?"),
        };
        let cause = root_cause(error);
        let address = self.address();
        self.unavailable(if error.is_connect() || error.is_timeout() {
            format!("{address} cannot be reached: {cause}{hint}")
        } else {
            format!("{address} gave no answer that could be read: {cause}")
        })
    }

    /// The address without what may be secret in it.
    pub fn address(&self) -> String {
        let mut shown = self.base.clone();
        // Neither can fail for an address with a host, which `new` has made sure of.
        let _ = shown.set_username("");
        let _ = shown.set_password(None);
        shown.set_query(None);
        shown.to_string()
    }

    /// As much of a refusal's body as is worth reading.
    async fn beginning(&self, mut response: Response) -> Vec<u8> {
        let mut body = Vec::new();
        while body.len() < LONGEST_REFUSAL {
            match timeout(Duration::from_secs(5), response.chunk()).await {
                Ok(Ok(Some(piece))) => body.extend_from_slice(&piece),
                _ => break,
            }
        }
        body.truncate(LONGEST_REFUSAL);
        body
    }
}

pub(crate) fn content_type(response: &Response) -> String {
    let value = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_ascii_lowercase()
}

/// The innermost cause, which says what happened rather than where it was noticed.
pub(crate) fn root_cause(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(|cause| cause.source()) {
        cause = Some(inner);
    }
    match cause {
        Some(cause) => refusal::shortened(&cause.to_string()),
        None if error.is_timeout() => "the time ran out".into(),
        None => "the connection failed".into(),
    }
}
