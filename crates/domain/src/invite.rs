//! Invites: codes that each let one person register.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::user::{NewUser, User};
use crate::{InviteId, Result, UserId, WorkspaceId};

/// The status of an invite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InviteStatus {
    /// The invite can be redeemed until it expires.
    Pending,
    /// The invite has been redeemed.
    Claimed,
    /// An admin has disabled the invite.
    Disabled,
}

text_enum!(InviteStatus {
    Pending = "pending",
    Claimed = "claimed",
    Disabled = "disabled",
});

/// An invite to be created.
#[derive(Clone, Debug)]
pub struct NewInvite {
    /// The code: at least 128 random bits, as text.
    pub code: String,
    /// The workspaces that the new user joins.
    pub workspaces: Vec<WorkspaceId>,
    /// The expiry time. The invite never expires if absent.
    pub expires_at: Option<DateTime<Utc>>,
    /// The creation time.
    pub created_at: DateTime<Utc>,
}

/// A stored invite.
#[derive(Clone, Debug, PartialEq)]
pub struct Invite {
    /// The id used in routes.
    pub id: InviteId,
    /// The code, which is part of the link.
    pub code: String,
    /// The status.
    pub status: InviteStatus,
    /// The user who redeemed it.
    pub claimed_by: Option<UserId>,
    /// The name of the user who redeemed it, while the account exists.
    pub claimed_by_name: Option<String>,
    /// The workspaces that the new user joins.
    pub workspaces: Vec<WorkspaceId>,
    /// The admin who created it, while the account exists.
    pub created_by: Option<UserId>,
    /// The expiry time. The invite never expires if absent.
    pub expires_at: Option<DateTime<Utc>>,
    /// The creation time.
    pub created_at: DateTime<Utc>,
    /// The time of the last status change.
    pub updated_at: DateTime<Utc>,
}

/// How to treat workspaces that do not exist when creating an invite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownWorkspaces {
    /// Refuse the invite.
    Refuse,
    /// Create the invite without them.
    Keep,
}

/// Stores invites. Each method is one transaction.
#[async_trait]
pub trait Invites: Send + Sync {
    /// Creates an invite on behalf of the actor of the event. With [`UnknownWorkspaces::Refuse`],
    /// [`crate::Error::Invalid`] if a workspace does not exist; the error names the first one.
    async fn create(
        &self,
        new: NewInvite,
        unknown: UnknownWorkspaces,
        event: Event,
    ) -> Result<Invite>;
    /// Returns every invite by id, whatever its status.
    async fn list(&self) -> Result<Vec<Invite>>;
    /// Returns the invite with a code, whatever its status.
    async fn by_code(&self, code: &str) -> Result<Option<Invite>>;
    /// Disables a pending invite and returns its previous state. An invite that is not pending does
    /// not change. [`crate::Error::NotFound`] if it does not exist.
    async fn disable(&self, id: InviteId, event: Event) -> Result<Invite>;
    /// Creates the user, claims the invite and joins its workspaces that still exist. Of several
    /// concurrent calls, exactly one succeeds. [`crate::Error::NotFound`] if the invite is unknown,
    /// disabled, expired or already claimed.
    async fn redeem(&self, code: &str, user: NewUser, event: Event) -> Result<User>;
}
