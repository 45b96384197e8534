//! A browser without scripts: pages, forms, a cookie.
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::{Client, Mode, TestServer};

/// The password of every user in tests.
pub const PASSWORD: &str = "a long enough password";

pub struct Visitor {
    base: String,
    http: reqwest::Client,
    cookie: Option<String>,
}

/// A page as a browser receives it.
#[derive(Clone, Debug)]
pub struct Page {
    pub status: u16,
    pub text: String,
    pub headers: reqwest::header::HeaderMap,
}

impl Page {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Returns the target of a redirect.
    pub fn leads_to(&self) -> &str {
        self.header("location")
    }

    pub fn says(&self, text: &str) -> bool {
        self.text.contains(text)
    }
}

impl Visitor {
    pub fn new(server: &Client) -> Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let http = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy();
        let http = http.redirect(Policy::none()).build()?;
        Ok(Self { base: format!("http://{}", server.address()), http, cookie: None })
    }

    /// Sets up a new server in a mode, and signs in the owner or the administrator ada.
    pub async fn first(server: &TestServer, mode: Mode) -> Result<Self> {
        match mode {
            Mode::Owner => Self::owner(server).await,
            Mode::Team => {
                let first = json!({ "username": "ada", "password": PASSWORD });
                server.admin().post("/v1/admin/enable-multi-user", first).await?.ok()?;
                Self::signed_in(server, "ada").await
            }
        }
    }

    async fn owner(server: &TestServer) -> Result<Self> {
        server.wait_for_log("/setup?token=").await?;
        let log = server.log()?;
        let link = log.rsplit("/setup?token=").next();
        let token = link.and_then(|rest| rest.split_whitespace().next()).context("no link")?;
        let mut owner = Self::new(server.admin())?;
        let fields = [("token", token), ("mode", "one"), ("password", PASSWORD)];
        let set_up = owner.post("/setup", &fields).await?;
        ensure!(set_up.leads_to() == "/welcome", "{}", set_up.text);
        Ok(owner)
    }

    /// Returns a signed-in member of a team.
    pub async fn signed_in(server: &TestServer, name: &str) -> Result<Self> {
        let mut visitor = Self::new(server.admin())?;
        let fields = [("username", name), ("password", PASSWORD)];
        let answer = visitor.post("/sign-in", &fields).await?;
        ensure!(answer.status == 303, "{name} is not let in: {}", answer.text);
        Ok(visitor)
    }

    /// Returns a request as a page of the server sends it.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        let request = request.header("origin", &self.base);
        match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        }
    }

    pub async fn get(&mut self, path: &str) -> Result<Page> {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<Page> {
        let pairs = fields.iter().map(|(name, value)| (*name, *value));
        let body = url_encoded(pairs);
        let request = self.request(Method::POST, path);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(body)).await
    }

    pub async fn send(&mut self, request: RequestBuilder) -> Result<Page> {
        self.execute(request.build()?).await
    }

    pub async fn execute(&mut self, request: reqwest::Request) -> Result<Page> {
        let response = self.http.execute(request).await.context("failed to open a page")?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        if let Some(set) = headers.get("set-cookie").and_then(|value| value.to_str().ok()) {
            let pair = set.split(';').next().unwrap_or_default();
            self.cookie = (!pair.ends_with('=')).then(|| pair.to_owned());
        }
        Ok(Page { status, headers, text: response.text().await? })
    }

    pub fn cookie(&self) -> Option<&str> {
        self.cookie.as_deref()
    }

    pub fn set_cookie(&mut self, cookie: Option<String>) {
        self.cookie = cookie;
    }
}

fn url_encoded<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let encode = |text: &str| {
        text.bytes().fold(String::new(), |mut encoded, byte| {
            match plain(byte) {
                true => encoded.push(char::from(byte)),
                false => encoded.push_str(&format!("%{byte:02X}")),
            }
            encoded
        })
    };
    let pairs: Vec<_> =
        pairs.map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}
