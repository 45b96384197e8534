//! Authorization: a handler names the scope it requires in its argument types.
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
use carrel_domain::workspace::{Workspace, Workspaces};
use carrel_domain::{Error, Result};
use carrel_http::client_address;
use carrel_services::Ports;
use carrel_services::token;
use chrono::{DateTime, Utc};

use crate::Options;
use crate::error::ApiError;
use crate::state;

/// The requirement of a route for API keys.
pub trait RequiredScope: 'static {
    const SCOPE: Scope;
    /// True if the route exists in multi-user mode only.
    const MULTI_USER: bool = false;
    /// True if a key that is bound to workspaces may call the route. Such a route looks up every
    /// workspace through [`Authorized::workspace`], or lists only the workspaces that the key may
    /// access.
    const BOUND: bool = false;
}

/// The scopes that routes require: `Authorized<scope::DocumentsWrite>`.
pub mod scope {
    use carrel_domain::api_key::Scope;

    use super::RequiredScope;

    /// Read in the workspaces that the key may access.
    pub struct Read;
    /// Read what belongs to no single workspace, such as the library.
    pub struct LibraryRead;
    /// Ask questions.
    pub struct Chat;
    /// Add documents of the library to workspaces and remove them from workspaces.
    pub struct WorkspaceDocuments;
    /// Add documents to the library, which all workspaces share, and remove them from it.
    pub struct DocumentsWrite;
    /// Full access.
    pub struct Admin;
    /// Full access, on a server in multi-user mode.
    pub struct MultiUserAdmin;

    impl RequiredScope for Read {
        const SCOPE: Scope = Scope::Read;
        const BOUND: bool = true;
    }

    impl RequiredScope for LibraryRead {
        const SCOPE: Scope = Scope::Read;
    }

    impl RequiredScope for Chat {
        const SCOPE: Scope = Scope::Chat;
        const BOUND: bool = true;
    }

    impl RequiredScope for WorkspaceDocuments {
        const SCOPE: Scope = Scope::Documents;
        const BOUND: bool = true;
    }

    impl RequiredScope for DocumentsWrite {
        const SCOPE: Scope = Scope::Documents;
    }

    impl RequiredScope for Admin {
        const SCOPE: Scope = Scope::Admin;
    }

    impl RequiredScope for MultiUserAdmin {
        const SCOPE: Scope = Scope::Admin;
        const MULTI_USER: bool = true;
    }
}

/// A caller whose key grants the scope `P`. Taking one as an argument protects a route: only
/// handlers read bodies, so the body of an unauthorized request is never read.
pub struct Authorized<P> {
    pub key: Arc<ApiKey>,
    /// Digest under which the key is stored.
    pub digest: KeyDigest,
    address: Option<String>,
    at: DateTime<Utc>,
    required: PhantomData<P>,
}

impl<P> Authorized<P> {
    /// Returns the actor, address and time for the audit log.
    pub fn by(&self) -> By {
        By { actor: Actor::Key(self.key.id), address: self.address.clone(), at: self.at }
    }

    /// Returns the workspace with this slug. A workspace that the key may not access is reported as
    /// not found.
    pub async fn workspace(&self, workspaces: &dyn Workspaces, slug: &str) -> Result<Workspace> {
        let workspace = workspaces.by_slug(slug).await?;
        workspace
            .filter(|workspace| self.key.allows_workspace(workspace.id))
            .ok_or_else(|| Error::not_found("workspace", slug))
    }
}

impl<P: RequiredScope> FromRequest for Authorized<P> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let secret = secret(&request).ok_or(ApiError::InvalidApiKey)?;
            let ports = state::ports(&request).map_err(ApiError::plain)?;
            let at = Utc::now();
            let digest = token::digest(secret);
            let key = ports.api_keys.authenticate_digest(digest, at).await;
            let key = key.map_err(ApiError::plain)?;
            let key = key.ok_or(ApiError::InvalidApiKey)?;
            ports.api_keys.check_rate_limit(&key, at).map_err(ApiError::TooMany)?;
            if !key.grants(P::SCOPE) {
                return Err(ApiError::MissingScope(P::SCOPE));
            }
            if !P::BOUND && !key.workspaces.is_empty() {
                return Err(ApiError::Bound);
            }
            if P::MULTI_USER && !is_multi_user(&ports).await? {
                return Err(ApiError::SingleUser);
            }
            let address = address(&request);
            Ok(Self { key, digest, address, at, required: PhantomData })
        })
    }
}

fn secret(request: &HttpRequest) -> Option<&str> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let (scheme, rest) = headers.next()?.to_str().ok()?.split_once(' ')?;
    // With two keys, a proxy in front of this server may have checked the other one.
    (headers.next().is_none() && scheme.eq_ignore_ascii_case("bearer")).then_some(rest)
}

async fn is_multi_user(ports: &Ports) -> Result<bool, ApiError> {
    ports.multi_user.is_on().await.map_err(ApiError::plain)
}

/// Returns the client's network address: the peer's, or the one that a trusted proxy forwards.
pub fn address(request: &HttpRequest) -> Option<String> {
    let options = request.app_data::<Data<Options>>();
    let trusted = options.map_or(&[][..], |options| &options.trusted_proxies);
    client_address::of(request, trusted).map(|address| address.to_string())
}
