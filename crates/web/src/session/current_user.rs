//! The signed-in user of a request. A page names the role it requires in its argument types.
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use carrel_domain::audit::{Actor, By};
use carrel_domain::user::{Role, User};
use carrel_domain::workspace::Workspace;
use carrel_domain::{Error, UserId};
use carrel_http::client_address;
use carrel_services::Ports;
use carrel_services::members;
use carrel_services::ownership::SetupState;
use chrono::{DateTime, Utc};

use crate::http::page_error::PageError;
use crate::session::session_cookie;
use crate::site::Site;

/// The lowest role that a page requires.
pub trait RequiredRole: 'static {
    const MINIMUM: Role;
}

/// The roles that pages require: `CurrentUser<role::Manager>`.
pub mod role {
    use carrel_domain::user::Role;

    use super::RequiredRole;

    /// Everyone who is signed in.
    pub struct Any;
    /// Users who manage workspaces and documents.
    pub struct Manager;
    /// Users who administer the server.
    pub struct Admin;

    impl RequiredRole for Any {
        const MINIMUM: Role = Role::Default;
    }

    impl RequiredRole for Manager {
        const MINIMUM: Role = Role::Manager;
    }

    impl RequiredRole for Admin {
        const MINIMUM: Role = Role::Admin;
    }
}

/// The signed-in person.
#[derive(Clone, Debug, PartialEq)]
pub enum Identity {
    /// The owner of a server without users.
    Owner,
    User(User),
}

impl Identity {
    pub fn role(&self) -> Role {
        match self {
            Self::Owner => Role::Admin,
            Self::User(user) => user.role,
        }
    }

    pub fn user(&self) -> Option<&User> {
        match self {
            Self::Owner => None,
            Self::User(user) => Some(user),
        }
    }

    pub fn id(&self) -> Option<UserId> {
        self.user().map(|user| user.id)
    }

    pub fn has_role(&self, minimum: Role) -> bool {
        rank(self.role()) >= rank(minimum)
    }
}

fn rank(role: Role) -> u8 {
    match role {
        Role::Default => 0,
        Role::Manager => 1,
        Role::Admin => 2,
    }
}

/// The signed-in user of a request, with at least the role `P`. Other requests never reach the
/// page.
pub struct CurrentUser<P> {
    pub site: Data<Site>,
    pub identity: Identity,
    pub request: HttpRequest,
    pub now: DateTime<Utc>,
    required_role: PhantomData<P>,
}

impl<P> CurrentUser<P> {
    pub fn ports(&self) -> &Ports {
        &self.site.ports
    }

    /// Returns the actor, address and time for the audit log.
    pub fn by(&self) -> By {
        let actor = match &self.identity {
            Identity::Owner => Actor::Owner,
            Identity::User(user) => Actor::User(user.id),
        };
        By { actor, address: address(&self.site, &self.request), at: self.now }
    }

    /// Returns the workspace with this slug. A workspace that the visitor may not use is reported
    /// as not found.
    pub async fn workspace(&self, slug: &str) -> Result<Workspace, PageError> {
        let not_found = || Error::not_found("workspace", slug);
        let workspace = self.ports().workspaces.by_slug(slug).await?.ok_or_else(not_found)?;
        match members::may_access_workspace(
            &*self.ports().members,
            self.identity.user(),
            workspace.id,
        )
        .await?
        {
            true => Ok(workspace),
            false => Err(not_found().into()),
        }
    }

    /// Returns the workspaces that the visitor may use, by name.
    pub async fn workspaces(&self) -> Result<Vec<Workspace>, PageError> {
        let all = self.ports().workspaces.list().await?;
        let mut workspaces =
            members::accessible_workspaces(&*self.ports().members, self.identity.user(), all)
                .await?;
        workspaces.sort_by_key(|workspace| workspace.settings.name.to_lowercase());
        Ok(workspaces)
    }
}

impl<P: RequiredRole> FromRequest for CurrentUser<P> {
    type Error = PageError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PageError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let site = site(&request)?;
            let now = Utc::now();
            let identity = identity(&site.ports, session_cookie::token(&request), now).await?;
            let identity = identity
                .ok_or_else(|| PageError::SignIn(session_cookie::sign_in_address(&request)))?;
            if !identity.has_role(P::MINIMUM) {
                return Err(PageError::Forbidden);
            }
            Ok(Self { site, identity, request, now, required_role: PhantomData })
        })
    }
}

/// Any visitor. Pages that take this reveal nothing personal.
pub struct OptionalUser {
    pub site: Data<Site>,
    pub request: HttpRequest,
    pub now: DateTime<Utc>,
}

impl OptionalUser {
    pub fn by(&self) -> By {
        By { actor: Actor::Stranger, address: address(&self.site, &self.request), at: self.now }
    }

    /// Returns the visitor's identity, if they are signed in.
    pub async fn identity(&self) -> Result<Option<Identity>, PageError> {
        Ok(identity(&self.site.ports, session_cookie::token(&self.request), self.now).await?)
    }

    pub async fn setup_state(&self) -> Result<SetupState, PageError> {
        Ok(self.site.ports.ownership.setup_state().await?)
    }
}

impl FromRequest for OptionalUser {
    type Error = PageError;
    type Future = std::future::Ready<Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let visitor = |site| Self { site, request: request.clone(), now: Utc::now() };
        std::future::ready(site(request).map(visitor))
    }
}

/// Returns the identity for a session token.
pub async fn identity(
    ports: &Ports,
    token: Option<&str>,
    now: DateTime<Utc>,
) -> carrel_domain::Result<Option<Identity>> {
    let Some(token) = token else { return Ok(None) };
    Ok(match ports.multi_user.is_on().await? {
        true => ports.sign_in.user_of(token, now).await?.map(Identity::User),
        false => ports.ownership.is_owner(token, now).await?.then_some(Identity::Owner),
    })
}

fn site(request: &HttpRequest) -> Result<Data<Site>, PageError> {
    let site = request.app_data::<Data<Site>>().cloned();
    site.ok_or_else(|| Error::internal("the pages are not wired").into())
}

/// Returns the client's network address: the peer's, or the one that a trusted proxy forwards.
fn address(site: &Site, request: &HttpRequest) -> Option<String> {
    let trusted_proxies = &site.options.trusted_proxies;
    client_address::of(request, trusted_proxies).map(|address| address.to_string())
}
