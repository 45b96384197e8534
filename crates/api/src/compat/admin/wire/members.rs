//! JSON of workspace members at `/api/v1`.
use carrel_domain::member::Member;
use carrel_domain::{Error, Result, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::compat::values::{as_flag, as_id};
use crate::wire::{sent, time};

#[derive(Serialize, ToSchema)]
#[schema(as = compat::MemberList)]
pub struct MemberList {
    pub users: Vec<MemberRow>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = compat::MemberRow)]
pub struct MemberRow {
    user_id: i32,
    username: String,
    role: &'static str,
    last_updated_at: String,
}

impl From<Member> for MemberRow {
    fn from(member: Member) -> Self {
        let Member { user, username, role, updated_at } = member;
        Self { user_id: user.0, username, role: role.as_str(), last_updated_at: time(updated_at) }
    }
}

/// The users who may use a workspace.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = compat::MemberIds)]
pub struct MemberIds {
    /// Numbers, or numeric strings.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<Vec<i32>>, example = json!([1, 2, 4, 12]))]
    user_ids: Option<Value>,
    /// True to replace the existing members, otherwise the users are added.
    #[serde(default)]
    #[schema(value_type = bool)]
    reset: Value,
}

impl MemberIds {
    pub fn resets(&self) -> bool {
        as_flag(&self.reset)
    }

    /// Returns every id, or none if the field was absent. A single id need not be in a list.
    pub fn all(self) -> Result<Vec<UserId>> {
        let ids = match self.user_ids {
            None => Vec::new(),
            Some(Value::Array(ids)) => ids,
            Some(one) => vec![one],
        };
        let ids = ids.iter().map(|id| as_id(id).map(UserId));
        ids.collect::<Option<_>>().ok_or_else(not_ids)
    }

    /// Returns the list items that are ids.
    pub fn some(self) -> Result<Vec<UserId>> {
        let Some(Value::Array(ids)) = self.user_ids else { return Err(not_ids()) };
        Ok(ids.iter().filter_map(as_id).map(UserId).collect())
    }
}

fn not_ids() -> Error {
    Error::invalid("userIds", "userIds must be an array of user ids")
}

#[derive(Serialize, ToSchema)]
#[schema(as = compat::MembersManaged)]
pub struct MembersManaged {
    pub success: bool,
    pub error: Option<&'static str>,
    pub users: Vec<MemberRow>,
}
