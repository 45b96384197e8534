//! Who is visiting. A page states whom it admits in its argument types.
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

use crate::gate;
use crate::refusal::Refusal;
use crate::site::Site;

/// Which visitors a page admits.
pub trait Policy: 'static {
    const LEAST: Role;
}

/// Whoever is signed in.
pub struct Reader;
/// Whoever looks after workspaces and documents.
pub struct Manager;
/// Whoever runs the server.
pub struct Admin;

impl Policy for Reader {
    const LEAST: Role = Role::Default;
}

impl Policy for Manager {
    const LEAST: Role = Role::Manager;
}

impl Policy for Admin {
    const LEAST: Role = Role::Admin;
}

#[derive(Clone, Debug, PartialEq)]
pub enum Who {
    /// The one person of a server without users.
    Owner,
    User(User),
}

impl Who {
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

    pub fn may(&self, least: Role) -> bool {
        rank(self.role()) >= rank(least)
    }
}

fn rank(role: Role) -> u8 {
    match role {
        Role::Default => 0,
        Role::Manager => 1,
        Role::Admin => 2,
    }
}

/// A visitor that `P` admits.
pub struct Visit<P> {
    pub site: Data<Site>,
    pub who: Who,
    pub request: HttpRequest,
    pub at: DateTime<Utc>,
    policy: PhantomData<P>,
}

impl<P> Visit<P> {
    pub fn ports(&self) -> &Ports {
        &self.site.ports
    }

    /// As the audit log names the visitor.
    pub fn by(&self) -> By {
        let actor = match &self.who {
            Who::Owner => Actor::Owner,
            Who::User(user) => Actor::User(user.id),
        };
        By { actor, address: address(&self.site, &self.request), at: self.at }
    }

    /// The workspace a slug names, if the visitor may enter it; otherwise it is as if there were none.
    pub async fn workspace(&self, slug: &str) -> Result<Workspace, Refusal> {
        let missing = || Error::not_found("workspace", slug);
        let found = self.ports().workspaces.by_slug(slug).await?.ok_or_else(missing)?;
        match members::may_enter(&*self.ports().members, self.who.user(), found.id).await? {
            true => Ok(found),
            false => Err(missing().into()),
        }
    }

    /// The workspaces the visitor may enter, by name.
    pub async fn workspaces(&self) -> Result<Vec<Workspace>, Refusal> {
        let all = self.ports().workspaces.list().await?;
        let mut found = members::entered(&*self.ports().members, self.who.user(), all).await?;
        found.sort_by_key(|workspace| workspace.settings.name.to_lowercase());
        Ok(found)
    }
}

impl<P: Policy> FromRequest for Visit<P> {
    type Error = Refusal;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refusal>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let site = site(&request)?;
            let at = Utc::now();
            let who = who(&site.ports, gate::token(&request), at).await?;
            let who = who.ok_or_else(|| Refusal::SignIn(gate::sign_in(&request)))?;
            if !who.may(P::LEAST) {
                return Err(Refusal::Forbidden);
            }
            Ok(Self { site, who, request, at, policy: PhantomData })
        })
    }
}

/// Anybody at all: those pages tell nothing of anyone's.
pub struct Guest {
    pub site: Data<Site>,
    pub request: HttpRequest,
    pub at: DateTime<Utc>,
}

impl Guest {
    pub fn by(&self) -> By {
        By { actor: Actor::Stranger, address: address(&self.site, &self.request), at: self.at }
    }

    /// Who it is after all, if somebody is signed in.
    pub async fn who(&self) -> Result<Option<Who>, Refusal> {
        Ok(who(&self.site.ports, gate::token(&self.request), self.at).await?)
    }

    pub async fn setup_state(&self) -> Result<SetupState, Refusal> {
        Ok(self.site.ports.ownership.setup_state().await?)
    }
}

impl FromRequest for Guest {
    type Error = Refusal;
    type Future = std::future::Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let guest = |site| Self { site, request: request.clone(), at: Utc::now() };
        std::future::ready(site(request).map(guest))
    }
}

/// Whom the token of a session signs in.
pub async fn who(
    ports: &Ports,
    token: Option<&str>,
    at: DateTime<Utc>,
) -> carrel_domain::Result<Option<Who>> {
    let Some(token) = token else { return Ok(None) };
    Ok(match ports.multi_user.is_on().await? {
        true => ports.sign_in.user_of(token, at).await?.map(Who::User),
        false => ports.ownership.is_owner(token, at).await?.then_some(Who::Owner),
    })
}

fn site(request: &HttpRequest) -> Result<Data<Site>, Refusal> {
    let site = request.app_data::<Data<Site>>().cloned();
    site.ok_or_else(|| Error::internal("the pages are not wired").into())
}

/// The network address a request came from, or the one that a trusted proxy says it came from.
fn address(site: &Site, request: &HttpRequest) -> Option<String> {
    let trusted = &site.options.trusted_proxies;
    client_address::of(request, trusted).map(|address| address.to_string())
}
