//! Invites: a code that lets one person register.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::user::{NewUser, User};
use crate::{InviteId, Result, UserId, WorkspaceId};

/// The status of an invite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InviteStatus {
    /// It can be redeemed until it expires.
    Pending,
    /// Somebody has redeemed it.
    Claimed,
    /// An admin has withdrawn it.
    Disabled,
}

text_enum!(InviteStatus {
    Pending = "pending",
    Claimed = "claimed",
    Disabled = "disabled",
});

/// An invite that is to be made.
#[derive(Clone, Debug)]
pub struct NewInvite {
    /// At least 128 bits from the system's random source, as text.
    pub code: String,
    /// Joined by whoever redeems the invite.
    pub workspaces: Vec<WorkspaceId>,
    /// When it stops being valid; never when absent.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it is made.
    pub created_at: DateTime<Utc>,
}

/// An invite as the server knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Invite {
    /// Names it in routes.
    pub id: InviteId,
    /// The code, a part of the link.
    pub code: String,
    /// Its status.
    pub status: InviteStatus,
    /// The user who redeemed it.
    pub claimed_by: Option<UserId>,
    /// The name of whoever claimed it, while that user exists.
    pub claimed_by_name: Option<String>,
    /// The workspaces that the new user becomes a member of.
    pub workspaces: Vec<WorkspaceId>,
    /// The admin who made it, if their account still exists.
    pub created_by: Option<UserId>,
    /// When it stops being valid; never when absent.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its status last changed.
    pub updated_at: DateTime<Utc>,
}

/// Whether an invite names workspaces that do not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownWorkspaces {
    /// Nothing is done, and the call fails.
    Refuse,
    /// The ones that there are no more are left out.
    Keep,
}

/// Stores invites. Each method is one transaction.
#[async_trait]
pub trait Invites: Send + Sync {
    /// Creates an invite in the name of the user who makes it, or whose API key does.
    /// With [`UnknownWorkspaces::Refuse`], [`crate::Error::Invalid`] names the first unknown one.
    async fn create(
        &self,
        new: NewInvite,
        unknown: UnknownWorkspaces,
        event: Event,
    ) -> Result<Invite>;
    /// Every invite whatever its status, by id.
    async fn list(&self) -> Result<Vec<Invite>>;
    /// The invite of a code, whatever its status.
    async fn by_code(&self, code: &str) -> Result<Option<Invite>>;
    /// Disables a pending invite and returns how it was before; one that is not pending stays as
    /// it is. [`crate::Error::NotFound`] when there is none.
    async fn disable(&self, id: InviteId, event: Event) -> Result<Invite>;
    /// Creates the user, claims the invite and joins its workspaces (those that still exist).
    /// Of any number of redemptions one succeeds; the others, and those of an invite that is
    /// unknown, disabled or expired, get [`crate::Error::NotFound`].
    async fn redeem(&self, code: &str, user: NewUser, event: Event) -> Result<User>;
}
