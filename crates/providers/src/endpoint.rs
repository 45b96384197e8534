//! One provider's address and key, asked within deadlines and read within limits.
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

/// How much of a refusal is read, in bytes.
const LONGEST_REFUSAL: usize = 16 << 10;

/// How long requests wait for a provider that says it takes none.
const LONGEST_HOLD: Duration = Duration::from_secs(600);

/// How long a provider may take, and how often it is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadlines {
    /// Until it begins to answer. A local model may have to be loaded from disk first.
    pub first: Duration,
    /// Between two pieces of an answer.
    pub silence: Duration,
    /// For a whole answer.
    pub whole: Option<Duration>,
    /// How long to wait in all where it takes no requests at the moment.
    pub patience: Duration,
    /// The most requests of any minute.
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

/// An answer whose head has come.
pub(crate) struct Body {
    response: Response,
    until: Option<Instant>,
}

/// A request that the provider refused.
pub(crate) struct Refused {
    pub status: StatusCode,
    /// In the provider's own words, whole but without secrets.
    pub message: String,
}

/// Where a provider is and how it is spoken to.
pub(crate) struct Endpoint {
    pub http: reqwest::Client,
    /// Ends in a slash.
    base: Url,
    key: Option<String>,
    authorization: Option<(HeaderName, HeaderValue)>,
    /// What is said to be unavailable: "the language model".
    service: &'static str,
    hints: Hints,
    pub deadlines: Deadlines,
    pacer: Arc<Pacer>,
}

impl Endpoint {
    /// [`Error::Unavailable`] when the address is not one of HTTP or the key cannot be sent.
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
                    unusable(format!("{} holds characters that no key has", hints.key))
                })?;
                value.set_sensitive(true);
                Some((AUTHORIZATION, value))
            }
        };
        let (pacer, deadlines) = (http.pacers.of(base.as_str()), Deadlines::default());
        let http = http.client.clone();
        Ok(Self { http, base, key, authorization, service, hints, deadlines, pacer })
    }

    /// Sends the key in a header of its own.
    pub fn with_key_in(mut self, name: &'static str) -> Self {
        if let (Some(key), Some(authorization)) = (&self.key, &mut self.authorization) {
            // What is fit after `Bearer ` is fit alone.
            if let Ok(mut value) = HeaderValue::from_str(key) {
                value.set_sensitive(true);
                *authorization = (HeaderName::from_static(name), value);
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

    /// The error that says why, without secrets.
    pub fn unavailable(&self, reason: impl Into<String>) -> Error {
        Error::unavailable(self.service, self.without_secrets(reason.into()))
    }

    /// An error that the provider reports within an answer.
    pub fn reported(&self, message: &str) -> Error {
        // Before it is shortened, which might leave a part of a secret.
        let message = refusal::shortened(&self.without_secrets(message.to_owned()));
        let colon = if message.is_empty() { "" } else { ": " };
        self.unavailable(format!("it reports an error{colon}{message}"))
    }

    fn without_secrets(&self, text: String) -> String {
        let secrets = [self.key(), self.base.password()];
        secrets.into_iter().flatten().fold(text, refusal::redacted)
    }

    /// Sends `body` to `path` below the base and waits for the head of a successful answer.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Body> {
        self.try_post(path, body).await?.map_err(|refused| self.refused(&refused))
    }

    /// Like [`Endpoint::post`], but hands refusals over. Waits and tries again where the provider
    /// takes no requests at the moment.
    pub async fn try_post(&self, path: &str, body: &Value) -> Result<Result<Body, Refused>> {
        self.try_send(|| Ok(self.http.post(self.url(path)).json(body))).await
    }

    /// Like [`Endpoint::try_post`], for what is only read.
    pub async fn try_get(&self, path: &str) -> Result<Result<Body, Refused>> {
        // One provider wants to be told by which rules it is asked, and others ignore it.
        let make = || Ok(self.http.get(self.url(path)).header("anthropic-version", "2023-06-01"));
        self.try_send(make).await
    }

    /// Sends what `make` builds for each attempt. Waits as [`Endpoint::try_post`] does.
    pub async fn try_send(
        &self,
        make: impl Fn() -> Result<RequestBuilder>,
    ) -> Result<Result<Body, Refused>> {
        let Deadlines { first, whole, patience, a_minute, .. } = self.deadlines;
        let began = Instant::now();
        for attempt in 0.. {
            let left = patience.saturating_sub(began.elapsed());
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
            let asked = retry::after(response.headers(), Utc::now());
            let message = refusal::message(&self.beginning(response).await);
            let message = self.without_secrets(message);
            let wait = retry::wait(status, asked, &message, attempt);
            let left = patience.saturating_sub(began.elapsed());
            match wait {
                Some(wait) if wait <= left => self.pacer.hold(wait),
                _ => {
                    // Others need not find out on their own.
                    asked.into_iter().for_each(|asked| self.pacer.hold(asked.min(LONGEST_HOLD)));
                    return Ok(Err(Refused { status, message }));
                }
            }
        }
        Err(self.unavailable("it takes no requests"))
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
        self.unavailable(format!("it limits how much may be asked; try again in {seconds} seconds"))
    }

    /// The next piece of a body; `None` at its end.
    pub async fn piece(&self, body: &mut Body) -> Result<Option<Vec<u8>>> {
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

    /// A whole body in JSON of at most `limit` bytes.
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

    /// A whole body of at most `limit` bytes that is no web page.
    pub async fn content(&self, mut body: Body, limit: usize) -> Result<Vec<u8>> {
        let mut content = Vec::new();
        while let Some(piece) = self.piece(&mut body).await? {
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
        self.unavailable(format!("a web page came in place of an answer{hint}"))
    }

    /// The time for a whole answer is over.
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
