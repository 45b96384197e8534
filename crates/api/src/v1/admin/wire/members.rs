//! JSON of workspace members.
use carrel_domain::UserId;
use carrel_domain::member::Member;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct MemberList {
    pub users: Vec<MemberRow>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberRow {
    user_id: i32,
    username: String,
    role: &'static str,
}

impl From<Member> for MemberRow {
    fn from(member: Member) -> Self {
        let Member { user, username, role, .. } = member;
        Self { user_id: user.0, username, role: role.as_str() }
    }
}

/// The users who may use the workspace.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateMembers {
    #[serde(alias = "userIds")]
    #[schema(example = json!([1, 2, 4, 12]))]
    user_ids: Vec<i32>,
}

impl UpdateMembers {
    pub fn into_ids(self) -> Vec<UserId> {
        self.user_ids.into_iter().map(UserId).collect()
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ManageMembers {
    #[serde(alias = "userIds")]
    #[schema(example = json!([1, 2, 4, 12]))]
    user_ids: Vec<i32>,
    /// True to replace the existing members, otherwise the users are added.
    #[serde(default)]
    pub reset: bool,
}

impl ManageMembers {
    pub fn ids(&self) -> Vec<UserId> {
        self.user_ids.iter().copied().map(UserId).collect()
    }
}

#[derive(Serialize, ToSchema)]
pub struct MembersManaged {
    pub success: bool,
    pub error: Option<String>,
    pub users: Vec<MemberRow>,
}
