//! Members: the users who may use a workspace. Admins and managers may use all of them.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::user::Role;
use crate::{Result, UserId, WorkspaceId};

/// A user who may use a workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The id of the account.
    pub user: UserId,
    /// The user name.
    pub username: String,
    /// The role on the server.
    pub role: Role,
    /// The time the membership was created or last confirmed.
    pub updated_at: DateTime<Utc>,
}

/// Stores memberships. Each method is one transaction.
#[async_trait]
pub trait Members: Send + Sync {
    /// Returns members in the order they joined. [`crate::Error::NotFound`] if the workspace does
    /// not exist.
    async fn of(&self, workspace: WorkspaceId) -> Result<Vec<Member>>;
    /// Returns the workspaces of a user, by id.
    async fn workspaces_of_user(&self, user: UserId) -> Result<Vec<WorkspaceId>>;
    /// Makes exactly these users members. [`crate::Error::Invalid`] if a user does not exist,
    /// [`crate::Error::NotFound`] if the workspace does not exist.
    async fn replace(&self, workspace: WorkspaceId, users: &[UserId], event: Event) -> Result<()>;
    /// Adds members. Fails like [`Members::replace`].
    async fn add(&self, workspace: WorkspaceId, users: &[UserId], event: Event) -> Result<()>;
    /// Returns the users that exist, in the given order.
    async fn existing_users(&self, users: &[UserId]) -> Result<Vec<UserId>>;
}
