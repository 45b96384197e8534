//! Members: the users who may use a workspace. Admins and managers may use all of them.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::user::Role;
use crate::{Result, UserId, WorkspaceId};

/// A user who may use a workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Names the account.
    pub user: UserId,
    /// The name they sign in with.
    pub username: String,
    /// What they may do on the whole server.
    pub role: Role,
    /// When the membership was made or last confirmed.
    pub updated_at: DateTime<Utc>,
}

/// Stores memberships. Each method is one transaction.
#[async_trait]
pub trait Members: Send + Sync {
    /// Members in the order they joined. [`crate::Error::NotFound`] when there is no such workspace.
    async fn of(&self, workspace: WorkspaceId) -> Result<Vec<Member>>;
    /// The workspaces that a user is a member of, by id.
    async fn workspaces_of_user(&self, user: UserId) -> Result<Vec<WorkspaceId>>;
    /// Makes exactly these users members. An unknown one refuses the whole call with
    /// [`crate::Error::Invalid`]; an unknown workspace is [`crate::Error::NotFound`].
    async fn replace(&self, workspace: WorkspaceId, users: &[UserId], event: Event) -> Result<()>;
    /// Makes these users members too. Refuses as [`Members::replace`] does.
    async fn add(&self, workspace: WorkspaceId, users: &[UserId], event: Event) -> Result<()>;
    /// Which of these users exist, in the order given.
    async fn existing_users(&self, users: &[UserId]) -> Result<Vec<UserId>>;
}
