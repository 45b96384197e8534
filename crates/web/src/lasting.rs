//! Visits that last: whoever is told or handed something is looked up again while it goes on.
use actix_web::web::Data;
use carrel_domain::user::Role;
use carrel_domain::{Result, UserId, WorkspaceId};
use carrel_services::admission::Admitted;
use carrel_services::members;
use chrono::Utc;

use crate::gate;
use crate::site::Site;
use crate::visit::{Policy, Visit, who};

/// A visitor who takes something that is not there all at once.
pub struct Lasting {
    site: Data<Site>,
    token: Option<String>,
    id: Option<UserId>,
    least: Role,
    within: Option<WorkspaceId>,
}

impl<P: Policy> Visit<P> {
    /// This visit, for as long as something is told or handed over; of a workspace, if it is of one.
    pub fn lasting(&self, within: Option<WorkspaceId>) -> Lasting {
        Lasting {
            site: self.site.clone(),
            token: gate::token(&self.request).map(str::to_owned),
            id: self.who.id(),
            least: P::LEAST,
            within,
        }
    }
}

impl Admitted for Lasting {
    /// Whether the visitor is still signed in, has the role, and may enter the workspace.
    async fn may_listen(&self) -> Result<bool> {
        let ports = &self.site.ports;
        let who = who(ports, self.token.as_deref(), Utc::now()).await?;
        let Some(who) = who.filter(|who| who.may(self.least) && who.id() == self.id) else {
            return Ok(false);
        };
        match self.within {
            Some(within) => members::may_enter(&*ports.members, who.user(), within).await,
            None => Ok(true),
        }
    }
}
