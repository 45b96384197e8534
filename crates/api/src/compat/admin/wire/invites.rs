//! JSON of invites at `/api/v1`.
use carrel_domain::WorkspaceId;
use carrel_domain::invite::Invite;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::compat::values::as_id;
use crate::wire::time;

#[derive(Serialize, ToSchema)]
#[schema(as = compat::InviteList)]
pub struct InviteList {
    pub invites: Vec<InviteRow>,
}

/// An invite.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = compat::InviteRow)]
pub struct InviteRow {
    id: i32,
    code: String,
    /// `pending`, `claimed` or `disabled`.
    status: &'static str,
    claimed_by: Option<Claimer>,
    /// A JSON array, as a string.
    #[schema(example = "[1,2]")]
    workspace_ids: String,
    created_at: String,
    /// User id of the creator, 0 if no user created it.
    created_by: i32,
    last_updated_at: String,
}

/// The user who redeemed an invite.
#[derive(Serialize, ToSchema)]
pub struct Claimer {
    id: i32,
    username: String,
}

impl From<Invite> for InviteRow {
    fn from(invite: Invite) -> Self {
        let Invite {
            id,
            code,
            status,
            claimed_by,
            claimed_by_name,
            workspaces,
            created_by,
            expires_at: _,
            created_at,
            updated_at,
        } = invite;
        let claimer = claimed_by.zip(claimed_by_name);
        let ids: Vec<_> = workspaces.iter().map(ToString::to_string).collect();
        Self {
            id: id.0,
            code,
            status: status.as_str(),
            claimed_by: claimer.map(|(user, username)| Claimer { id: user.0, username }),
            workspace_ids: format!("[{}]", ids.join(",")),
            created_at: time(created_at),
            created_by: created_by.map_or(0, |user| user.0),
            last_updated_at: time(updated_at),
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = compat::NewInviteBody)]
pub struct NewInviteBody {
    /// Workspaces that the new user joins, as far as they still exist when the invite is redeemed.
    #[schema(value_type = Option<Vec<i32>>, example = json!([1, 2]))]
    workspace_ids: Option<Value>,
}

impl NewInviteBody {
    /// Returns the workspace ids. Values that are not ids are dropped.
    pub fn into_workspaces(self) -> Vec<WorkspaceId> {
        let ids = self.workspace_ids.unwrap_or_default();
        let ids = ids.as_array().into_iter().flatten();
        ids.filter_map(as_id).map(WorkspaceId).collect()
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = compat::InviteCreated)]
pub struct InviteCreated {
    pub invite: InviteRow,
    pub error: Option<String>,
}
