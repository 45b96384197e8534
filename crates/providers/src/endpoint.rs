//! The address and key of a provider: sends requests within deadlines and reads responses within
//! limits.
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use carrel_domain::{Error, Result};
use chrono::Utc;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio::time::{Instant, timeout};
use url::Url;

use crate::http::Http;
use crate::pace::Pacer;
use crate::refusal::{self, Hints};
use crate::retry;

/// Longest part of an error response that is read, in bytes.
const LONGEST_REFUSAL: usize = 16 << 10;

/// Longest time that requests wait for a provider that refuses requests at the moment.
const LONGEST_HOLD: Duration = Duration::from_secs(600);

/// Timeouts and rate limit of a provider.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadlines {
    /// Timeout until the response begins. A local model may have to be loaded from disk first.
    pub first: Duration,
    /// Timeout between two chunks of a response.
    pub silence: Duration,
    /// Timeout of a whole response.
    pub whole: Option<Duration>,
    /// Total time to wait while the provider refuses requests.
    pub patience: Duration,
    /// Most requests per minute.
    pub a_minute: Option<usize>,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(300),
            silence: Duration::from_secs(120),
            whole: None,
            patience: Duration::from_secs(60),
            a_minute: None,
        }
    }
}

/// A response whose headers have arrived.
pub(crate) struct Body {
    response: Response,
    until: Option<Instant>,
}

/// A request that the provider refused.
pub(crate) struct Refused {
    pub status: StatusCode,
    /// The provider's message in full, without secrets.
    pub message: String,
}

/// The address of a provider and how to talk to it.
pub(crate) struct Endpoint {
    pub http: reqwest::Client,
    /// Base address, with a trailing slash.
    base: Url,
    key: Option<String>,
    authorization: Option<(HeaderName, HeaderValue)>,
    /// Subject of its errors, such as "the language model".
    service: &'static str,
    hints: Hints,
    pub deadlines: Deadlines,
    pacer: Arc<Pacer>,
}

impl Endpoint {
    /// Creates an endpoint.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the address is not HTTP or the key cannot be sent.
    pub fn new(
        http: &Http,
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
                    unusable(format!(
                        "{} contains characters that are not allowed in a key",
                        hints.key
                    ))
                })?;
                value.set_sensitive(true);
                Some((AUTHORIZATION, value))
            }
        };
        let (pacer, deadlines) = (http.pacers.of(base.as_str()), Deadlines::default());
        let http = http.client.clone();
        Ok(Self { http, base, key, authorization, service, hints, deadlines, pacer })
    }

    /// Sends the key in this header.
    pub fn with_key_in(mut self, name: &'static str) -> Self {
        if let (Some(key), Some(authorization)) = (&self.key, &mut self.authorization) {
            // A value that is valid after `Bearer ` is valid alone.
            if let Ok(mut value) = HeaderValue::from_str(key) {
                value.set_sensitive(true);
                *authorization = (HeaderName::from_static(name), value);
            }
        }
        self
    }

    /// Sends the key after `scheme` instead of `Bearer`.
    pub fn with_key_after(mut self, scheme: &'static str) -> Self {
        if let (Some(key), Some(authorization)) = (&self.key, &mut self.authorization) {
            // A value that is valid after `Bearer ` is valid after any scheme.
            if let Ok(mut value) = HeaderValue::from_str(&format!("{scheme} {key}")) {
                value.set_sensitive(true);
                authorization.1 = value;
            }
        }
        self
    }

    pub fn base(&self) -> &Url {
        &self.base
    }

    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Returns an error with this reason, without secrets.
    pub fn unavailable(&self, reason: impl Into<String>) -> Error {
        Error::unavailable(self.service, self.without_secrets(reason.into()))
    }

    /// Returns the error for a failure that the provider reports within a response.
    pub fn reported(&self, message: &str) -> Error {
        // Secrets are removed before the text is shortened, which could leave a part of one.
        let message = refusal::shortened(&self.without_secrets(message.to_owned()));
        let colon = if message.is_empty() { "" } else { ": " };
        self.unavailable(format!("it reports an error{colon}{message}"))
    }

    fn without_secrets(&self, text: String) -> String {
        let secrets = [self.key(), self.base.password()];
        secrets.into_iter().flatten().fold(text, refusal::redacted)
    }

    /// Sends `body` to `path` below the base and waits for the headers of a successful response.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Body> {
        self.try_post(path, body).await?.map_err(|refused| self.refused(&refused))
    }

    /// Like [`Endpoint::post`], but returns refusals. Waits and retries while the provider refuses
    /// requests.
    pub async fn try_post(&self, path: &str, body: &Value) -> Result<Result<Body, Refused>> {
        self.try_send(|| Ok(self.http.post(self.url(path)).json(body))).await
    }

    /// Like [`Endpoint::try_post`], with `GET`.
    pub async fn try_get(&self, path: &str) -> Result<Result<Body, Refused>> {
        // One provider requires its API version; others ignore the header.
        let make = || Ok(self.http.get(self.url(path)).header("anthropic-version", "2023-06-01"));
        self.try_send(make).await
    }

    /// Sends what `make` builds for each attempt. Waits like [`Endpoint::try_post`].
    pub async fn try_send(
        &self,
        make: impl Fn() -> Result<RequestBuilder>,
    ) -> Result<Result<Body, Refused>> {
        let Deadlines { first, whole, patience, a_minute, .. } = self.deadlines;
        let started = Instant::now();
        for attempt in 0.. {
            let left = patience.saturating_sub(started.elapsed());
            self.pacer.turn(a_minute, left).await.map_err(|wait| self.busy(wait))?;
            let until = whole.map(|whole| Instant::now() + whole);
            let mut request = make()?;
            if let Some((name, value)) = &self.authorization {
                request = request.header(name, value);
            }
            let response = match timeout(first.min(whole.unwrap_or(first)), request.send()).await {
                Ok(Ok(response)) => response,
                Ok(Err(error)) => return Err(self.not_sent(&error)),
                Err(_) => return Err(self.too_slow(first)),
            };
            let status = response.status();
            if status.is_success() {
                return Ok(Ok(Body { response, until }));
            }
            let retry_after = retry::after(response.headers(), Utc::now());
            let message = refusal::message(&self.beginning(response).await);
            let message = self.without_secrets(message);
            let wait = retry::wait(status, retry_after, &message, attempt);
            let left = patience.saturating_sub(started.elapsed());
            match wait {
                Some(wait) if wait <= left => self.pacer.delay_all(wait),
                _ => {
                    // Makes other requests wait as well.
                    retry_after
                        .into_iter()
                        .for_each(|delay| self.pacer.delay_all(delay.min(LONGEST_HOLD)));
                    return Ok(Err(Refused { status, message }));
                }
            }
        }
        Err(self.unavailable("it accepts no requests"))
    }

    pub fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let (path, query) = path.split_once('?').map_or((path, None), |(a, b)| (a, Some(b)));
        url.set_path(&format!("{}{path}", self.base.path()));
        if query.is_some() {
            url.set_query(query);
        }
        url
    }

    pub fn refused(&self, refused: &Refused) -> Error {
        let message = refusal::shortened(&refused.message);
        self.unavailable(self.hints.refused(refused.status, &message))
    }

    fn busy(&self, wait: Duration) -> Error {
        let seconds = wait.as_secs().max(1);
        self.unavailable(format!("its rate limit is reached; try again in {seconds} seconds"))
    }

    /// Returns the next chunk of a body; `None` at its end.
    pub async fn next_chunk(&self, body: &mut Body) -> Result<Option<Vec<u8>>> {
        let left = body.until.map(|until| until.saturating_duration_since(Instant::now()));
        let silence = self.deadlines.silence;
        let wait = left.map_or(silence, |left| left.min(silence));
        match timeout(wait, body.response.chunk()).await {
            Ok(Ok(piece)) => Ok(piece.map(|bytes| bytes.to_vec())),
            Ok(Err(error)) => {
                Err(self.unavailable(format!("its answer broke off: {}", root_cause(&error))))
            }
            Err(_) if wait < silence => Err(self.incomplete()),
            Err(_) => Err(self.too_slow(silence)),
        }
    }

    /// Reads a whole JSON body of at most `limit` bytes.
    pub async fn json<T: serde::de::DeserializeOwned>(
        &self,
        body: Body,
        limit: usize,
    ) -> Result<T> {
        let content = self.content(body, limit).await?;
        serde_json::from_slice(&content).map_err(|error| {
            self.unavailable(format!("its answer is not the JSON expected: {error}"))
        })
    }

    /// Reads a whole body of at most `limit` bytes. A web page is an error.
    pub async fn content(&self, mut body: Body, limit: usize) -> Result<Vec<u8>> {
        let mut content = Vec::new();
        while let Some(piece) = self.next_chunk(&mut body).await? {
            if content.len() + piece.len() > limit {
                return Err(self.unavailable(format!("its answer is longer than {limit} bytes")));
            }
            content.extend_from_slice(&piece);
        }
        match content.trim_ascii_start().first() {
            Some(b'<') => Err(self.web_page()),
            _ => Ok(content),
        }
    }

    pub fn web_page(&self) -> Error {
        let hint = match self.hints.base {
            "" => String::new(),
            base => format!("; check {base}, which usually ends in /v1"),
        };
        self.unavailable(format!("it returned a web page instead of an answer{hint}"))
    }

    /// Returns the error if the whole response is overdue.
    pub fn incomplete(&self) -> Error {
        let whole = self.deadlines.whole.unwrap_or_default();
        self.unavailable(format!("its answer is not complete after {whole:?}"))
    }

    /// Waits until a request may be sent.
    pub async fn turn(&self) -> Result<()> {
        let Deadlines { patience, a_minute, .. } = self.deadlines;
        self.pacer.turn(a_minute, patience).await.map_err(|wait| self.busy(wait))
    }

    pub fn too_slow(&self, waited: Duration) -> Error {
        self.unavailable(format!("{} sent nothing for {waited:?}", self.address()))
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
            format!("{address} gave an unreadable answer: {cause}")
        })
    }

    /// Returns the address without parts that may be secret.
    pub fn address(&self) -> String {
        let mut url = self.base.clone();
        // Neither can fail for an address with a host, which `new` ensures.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query(None);
        url.to_string()
    }

    /// Reads the beginning of an error response.
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

/// Returns the innermost cause, which tells what happened rather than where it was noticed.
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
