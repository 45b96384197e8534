//! Requests on behalf of a caller, and their responses.
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

/// A client of a server, with or without a key.
#[derive(Clone, Debug)]
pub struct Client {
    base: String,
    http: reqwest::Client,
    key: Option<String>,
}

/// A response, ready to be compared.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// The body as JSON if it is valid JSON, otherwise as text.
    pub body: Value,
    pub headers: reqwest::header::HeaderMap,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Returns the body of a response that must be a success.
    pub fn ok(self) -> Result<Value> {
        anyhow::ensure!(self.status == 200, "answered {}: {}", self.status, self.body);
        Ok(self.body)
    }
}

impl Client {
    /// Creates a client. Paths are relative to `base`, such as `http://127.0.0.1:3001`.
    pub fn new(base: &str, key: Option<&str>) -> Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let http = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build()?;
        Ok(Self { base: base.to_owned(), http, key: key.map(str::to_owned) })
    }

    pub fn with_key(&self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self.clone() }
    }

    pub fn anonymous(&self) -> Self {
        Self { key: None, ..self.clone() }
    }

    /// Returns host and port for requests on a plain socket.
    pub fn address(&self) -> &str {
        self.base.trim_start_matches("http://")
    }

    /// Returns a request with only the key.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// Waits until no job is queued or running: documents stored before a kill are indexed after
    /// it.
    pub async fn jobs_end(&self) -> Result<()> {
        let is_left =
            |job: &Value| ["queued", "running"].iter().any(|state| job["state"] == *state);
        for _ in 0..600 {
            let jobs = self.get("/v1/jobs").await?.ok()?;
            if !jobs["jobs"].as_array().is_some_and(|jobs| jobs.iter().any(is_left)) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!("jobs never end")
    }

    pub async fn get(&self, path: &str) -> Result<Answer> {
        send(self.request(Method::GET, path)).await
    }

    /// Returns the content of a file.
    pub async fn download(&self, path: &str) -> Result<Vec<u8>> {
        let answer = self.request(Method::GET, path).send().await?;
        anyhow::ensure!(answer.status().is_success(), "{path}: {}", answer.status());
        Ok(answer.bytes().await?.to_vec())
    }

    pub async fn post(&self, path: &str, body: Value) -> Result<Answer> {
        send(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn delete(&self, path: &str, body: Value) -> Result<Answer> {
        send(self.request(Method::DELETE, path).json(&body)).await
    }

    /// Uploads one file with text fields.
    pub async fn upload(
        &self,
        name: &str,
        content: &[u8],
        fields: &[(&str, &str)],
    ) -> Result<Answer> {
        let file = Part::bytes(content.to_vec()).file_name(name.to_owned());
        let form = fields.iter().fold(Form::new(), |form, (field, value)| {
            form.text((*field).to_owned(), (*value).to_owned())
        });
        let form = form.part("file", file);
        send(self.request(Method::POST, "/v1/document/upload").multipart(form)).await
    }
}

pub async fn send(request: RequestBuilder) -> Result<Answer> {
    let response = request.send().await.context("failed to send a request")?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await?;
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Ok(Answer { status, body, headers })
}
