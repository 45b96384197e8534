//! Guards for long responses: check again and again that the visitor may receive them.
use actix_web::web::Data;
use carrel_domain::user::Role;
use carrel_domain::{Result, UserId, WorkspaceId};
use carrel_services::admission::Admitted;
use carrel_services::members;
use chrono::Utc;

use crate::session::current_user::{CurrentUser, RequiredRole, identity};
use crate::session::session_cookie;
use crate::site::Site;

/// The visitor of a response that takes time.
pub struct SessionGuard {
    site: Data<Site>,
    token: Option<String>,
    id: Option<UserId>,
    minimum_role: Role,
    workspace: Option<WorkspaceId>,
}

impl SessionGuard {
    /// Returns a guard for a response that takes time, for a workspace if it concerns one.
    pub fn new<P: RequiredRole>(user: &CurrentUser<P>, workspace: Option<WorkspaceId>) -> Self {
        Self {
            site: user.site.clone(),
            token: session_cookie::token(&user.request).map(str::to_owned),
            id: user.identity.id(),
            minimum_role: P::MINIMUM,
            workspace,
        }
    }
}

impl Admitted for SessionGuard {
    /// True while the visitor is signed in, has the role, and may use the workspace.
    async fn is_admitted(&self) -> Result<bool> {
        let ports = &self.site.ports;
        let identity = identity(ports, self.token.as_deref(), Utc::now()).await?;
        let Some(identity) = identity
            .filter(|identity| identity.has_role(self.minimum_role) && identity.id() == self.id)
        else {
            return Ok(false);
        };
        match self.workspace {
            Some(workspace) => {
                members::may_access_workspace(&*ports.members, identity.user(), workspace).await
            }
            None => Ok(true),
        }
    }
}
