//! Visits that last: whoever is told something as it happens is looked up again while it is told.
use std::time::{Duration, Instant};

use actix_web::web::Data;
use carrel_domain::user::Role;
use carrel_domain::{UserId, WorkspaceId};
use carrel_services::members;
use chrono::Utc;

use crate::gate;
use crate::refusal::Refusal;
use crate::site::Site;
use crate::visit::{Policy, Visit, who};

/// How long somebody is told something without being looked up.
const LOOK: Duration = Duration::from_secs(5);

/// A visitor who follows what happens in a workspace.
pub struct Lasting {
    site: Data<Site>,
    token: Option<String>,
    id: Option<UserId>,
    least: Role,
    within: WorkspaceId,
    looked: Instant,
}

impl<P: Policy> Visit<P> {
    /// This visit, for as long as something is told of a workspace.
    pub fn lasting(&self, within: WorkspaceId) -> Lasting {
        Lasting {
            site: self.site.clone(),
            token: gate::token(&self.request).map(str::to_owned),
            id: self.who.id(),
            least: P::LEAST,
            within,
            looked: Instant::now(),
        }
    }
}

impl Lasting {
    /// Whether the visitor is still signed in and may enter the workspace, as of some seconds ago
    /// at most.
    pub async fn lasts(&mut self) -> bool {
        if self.looked.elapsed() < LOOK {
            return true;
        }
        self.looked = Instant::now();
        // A database that does not answer now may do so again.
        !matches!(self.may_enter().await, Ok(false))
    }

    async fn may_enter(&self) -> Result<bool, Refusal> {
        let ports = &self.site.ports;
        let who = who(ports, self.token.as_deref(), Utc::now()).await?;
        let Some(who) = who.filter(|who| who.may(self.least) && who.id() == self.id) else {
            return Ok(false);
        };
        Ok(members::may_enter(&*ports.members, who.user(), self.within).await?)
    }
}
