//! The recipient of a stream, and the conditions under which the stream may continue.
use actix_web::HttpRequest;
use actix_web::web::Data;
use carrel_domain::Result;
use carrel_domain::api_key::KeyDigest;
use carrel_domain::thread::Thread;
use carrel_domain::user::User;
use carrel_domain::workspace::Workspace;
use carrel_services::Ports;
use carrel_services::admission::Admitted;
use chrono::Utc;

use crate::authorized::Authorized;
use crate::state;

pub struct Listener {
    ports: Data<Ports>,
    key: KeyDigest,
    workspace: Workspace,
    thread: Option<Thread>,
    user: Option<User>,
}

impl Listener {
    /// Creates the listener for a request in a workspace.
    pub fn new<P>(
        request: &HttpRequest,
        caller: &Authorized<P>,
        workspace: &Workspace,
    ) -> Result<Self> {
        Ok(Self {
            ports: state::ports(request)?,
            key: caller.digest,
            workspace: workspace.clone(),
            thread: None,
            user: None,
        })
    }

    /// Adds the thread and the user of the request.
    pub fn within(self, thread: Option<Thread>, user: Option<User>) -> Self {
        Self { thread, user, ..self }
    }
}

impl Admitted for Listener {
    /// True while the key is valid, the user may use the workspace, and the conversation exists.
    async fn is_admitted(&self) -> Result<bool> {
        if !self.ports.api_keys.is_valid(self.key, Utc::now()).await? {
            return Ok(false);
        }
        if let Some(user) = &self.user {
            match self.ports.users.by_id(user.id).await? {
                Some(user) if !user.suspended => {}
                _ => return Ok(false),
            }
        }
        let (id, slug) = (self.workspace.id, self.workspace.slug.as_str());
        if self.ports.workspaces.by_slug(slug).await?.is_none_or(|workspace| workspace.id != id) {
            return Ok(false);
        }
        Ok(match &self.thread {
            Some(thread) => self.ports.threads.by_slug(id, thread.slug.as_str()).await?.is_some(),
            None => true,
        })
    }
}

/// The recipient of a stream that ends when its key becomes invalid.
pub struct Holder {
    ports: Data<Ports>,
    key: KeyDigest,
}

impl Holder {
    pub fn new<P>(request: &HttpRequest, caller: &Authorized<P>) -> Result<Self> {
        Ok(Self { ports: state::ports(request)?, key: caller.digest })
    }
}

impl Admitted for Holder {
    async fn is_admitted(&self) -> Result<bool> {
        self.ports.api_keys.is_valid(self.key, Utc::now()).await
    }
}
