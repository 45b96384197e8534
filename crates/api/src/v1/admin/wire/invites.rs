//! JSON of invites.
use carrel_domain::invite::Invite;
use carrel_domain::{Error, Result, WorkspaceId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::time;

#[derive(Serialize, ToSchema)]
pub struct InviteList {
    pub invites: Vec<InviteRow>,
}

/// An invite.
#[derive(Serialize, ToSchema)]
pub struct InviteRow {
    id: i32,
    code: String,
    /// `pending`, `claimed` or `disabled`.
    status: &'static str,
    /// Id of the user who redeemed it.
    claimed_by: Option<i32>,
    /// Workspace ids joined by commas; empty if there are none.
    workspace_ids: String,
    created_at: String,
    created_by: Option<i32>,
}

/// One invite with all its details.
#[derive(Serialize, ToSchema)]
pub struct InviteFound {
    pub invite: InviteDetails,
}

#[derive(Serialize, ToSchema)]
pub struct InviteDetails {
    #[serde(flatten)]
    row: InviteRow,
    /// When the invite expires; null for never.
    expires_at: Option<String>,
}

impl From<Invite> for InviteDetails {
    fn from(invite: Invite) -> Self {
        let expires_at = invite.expires_at.map(time);
        Self { row: invite.into(), expires_at }
    }
}

impl From<Invite> for InviteRow {
    fn from(invite: Invite) -> Self {
        let ids: Vec<_> = invite.workspaces.iter().map(ToString::to_string).collect();
        Self {
            id: invite.id.0,
            code: invite.code,
            status: invite.status.as_str(),
            claimed_by: invite.claimed_by.map(|user| user.0),
            workspace_ids: ids.join(","),
            created_at: time(invite.created_at),
            created_by: invite.created_by.map(|user| user.0),
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInviteBody {
    /// Workspaces that the new user joins.
    #[serde(alias = "workspaceIds")]
    #[schema(example = json!([1, 2, 45]))]
    workspace_ids: Option<Vec<i32>>,
    /// Expiry (RFC 3339); never if absent.
    #[serde(alias = "expiresAt")]
    expires_at: Option<String>,
}

impl NewInviteBody {
    pub fn into_parts(self) -> Result<(Vec<WorkspaceId>, Option<DateTime<Utc>>)> {
        let workspaces = self.workspace_ids.unwrap_or_default();
        let expires_at = self.expires_at.as_deref().map(|at| parse_time(at, "expires_at"));
        Ok((workspaces.into_iter().map(WorkspaceId).collect(), expires_at.transpose()?))
    }
}

/// Parses an RFC 3339 time, or a date as its first moment in UTC.
pub fn parse_time(text: &str, field: &'static str) -> Result<DateTime<Utc>> {
    let date =
        || Some(text.parse::<chrono::NaiveDate>().ok()?.and_time(chrono::NaiveTime::MIN).and_utc());
    let time = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).ok();
    time.or_else(date).ok_or_else(|| Error::invalid(field, "must be an RFC 3339 time or a date"))
}

#[derive(Serialize, ToSchema)]
pub struct InviteCreated {
    pub invite: MadeInvite,
    pub error: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct MadeInvite {
    id: i32,
    code: String,
    status: &'static str,
}

impl From<Invite> for MadeInvite {
    fn from(invite: Invite) -> Self {
        Self { id: invite.id.0, code: invite.code, status: invite.status.as_str() }
    }
}
