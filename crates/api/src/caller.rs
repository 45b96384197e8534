//! Who is calling. A handler states whom it admits in its argument types.
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use carrel_domain::api_key::{ApiKey, KeyDigest, Scope};
use carrel_domain::audit::{Actor, By};
use carrel_domain::user::MultiUser;
use carrel_domain::workspace::{Workspace, Workspaces};
use carrel_domain::{Error, Result};
use carrel_http::client_address;
use carrel_services::api_keys::ApiKeyService;
use carrel_services::token;
use chrono::{DateTime, Utc};

use crate::Options;
use crate::failure::Refusal;
use crate::state::wired;

/// Which callers a route admits.
pub trait Policy: 'static {
    const SCOPE: Scope;
    /// Whether the route is there in multi-user mode only.
    const MANY_USERS: bool = false;
    /// Whether a key that is bound to workspaces is admitted. A route that admits it looks every
    /// workspace up through [`Caller::workspace`], or shows only those that the key enters.
    const BOUND: bool = false;
}

/// Whoever may read: any holder of a valid key.
pub struct Reader;
/// Whoever may read what belongs to no workspace, such as the library, which all share.
pub struct Fetcher;
/// Whoever may ask questions.
pub struct Asker;
/// Whoever may place documents in workspaces.
pub struct Librarian;
/// Whoever may put documents into the library, which all workspaces share, and take them out.
pub struct Keeper;
/// Whoever may do everything.
pub struct Admin;
/// Whoever may do everything, where there are many users.
pub struct Host;

impl Policy for Reader {
    const SCOPE: Scope = Scope::Read;
    const BOUND: bool = true;
}

impl Policy for Fetcher {
    const SCOPE: Scope = Scope::Read;
}

impl Policy for Asker {
    const SCOPE: Scope = Scope::Chat;
    const BOUND: bool = true;
}

impl Policy for Librarian {
    const SCOPE: Scope = Scope::Documents;
    const BOUND: bool = true;
}

impl Policy for Keeper {
    const SCOPE: Scope = Scope::Documents;
}

impl Policy for Admin {
    const SCOPE: Scope = Scope::Admin;
}

impl Policy for Host {
    const SCOPE: Scope = Scope::Admin;
    const MANY_USERS: bool = true;
}

/// A caller that `P` admits. Taking one as an argument is what protects a route: bodies are only
/// read by handlers, so a stranger's body never is.
pub struct Caller<P> {
    pub key: Arc<ApiKey>,
    /// By which the api_keys knows the key.
    pub digest: KeyDigest,
    address: Option<String>,
    at: DateTime<Utc>,
    policy: PhantomData<P>,
}

impl<P> Caller<P> {
    /// As the audit log names the caller.
    pub fn by(&self) -> By {
        By { actor: Actor::Key(self.key.id), address: self.address.clone(), at: self.at }
    }

    /// The workspace a slug names, if the caller may enter it; otherwise it is as if there were none.
    pub async fn workspace(&self, workspaces: &dyn Workspaces, slug: &str) -> Result<Workspace> {
        let found = workspaces.by_slug(slug).await?;
        found
            .filter(|workspace| self.key.enters(workspace.id))
            .ok_or_else(|| Error::not_found("workspace", slug))
    }
}

impl<P: Policy> FromRequest for Caller<P> {
    type Error = Refusal;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refusal>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let secret = secret(&request).ok_or(Refusal::NotAdmitted)?;
            let api_keys = wired::<ApiKeyService>(&request).map_err(Refusal::plain)?;
            let at = Utc::now();
            let key = api_keys.authenticate(secret, at).await.map_err(Refusal::plain)?;
            let key = key.ok_or(Refusal::NotAdmitted)?;
            api_keys.check_rate_limit(&key, at).map_err(Refusal::TooMany)?;
            if !key.grants(P::SCOPE) {
                return Err(Refusal::LacksScope(P::SCOPE));
            }
            if !P::BOUND && !key.workspaces.is_empty() {
                return Err(Refusal::Bound);
            }
            if P::MANY_USERS && !is_multi_user(&request).await? {
                return Err(Refusal::SingleUser);
            }
            let (digest, address) = (token::digest(secret), address(&request));
            Ok(Self { key, digest, address, at, policy: PhantomData })
        })
    }
}

fn secret(request: &HttpRequest) -> Option<&str> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let (scheme, rest) = headers.next()?.to_str().ok()?.split_once(' ')?;
    // Of two keys, a proxy before this server may have looked at the other one.
    (headers.next().is_none() && scheme.eq_ignore_ascii_case("bearer")).then_some(rest)
}

async fn is_multi_user(request: &HttpRequest) -> Result<bool, Refusal> {
    let mode = wired::<dyn MultiUser>(request).map_err(Refusal::plain)?;
    mode.is_on().await.map_err(Refusal::plain)
}

/// The network address a request came from, or the one that a trusted proxy says it came from.
pub fn address(request: &HttpRequest) -> Option<String> {
    let options = request.app_data::<Data<Options>>();
    let trusted = options.map_or(&[][..], |options| &options.trusted_proxies);
    client_address::of(request, trusted).map(|address| address.to_string())
}
