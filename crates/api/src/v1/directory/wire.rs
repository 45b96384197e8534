//! JSON of the user directory and of sign-in tokens.
use carrel_domain::user::ListedUser;
use carrel_services::token::Secret;
use serde::Serialize;
use utoipa::ToSchema;

/// All users, with the names needed to sign them in.
#[derive(Serialize, ToSchema)]
pub struct UserDirectory {
    pub users: Vec<DirectoryEntry>,
}

#[derive(Serialize, ToSchema)]
pub struct DirectoryEntry {
    id: i32,
    username: String,
    role: &'static str,
}

impl From<ListedUser> for DirectoryEntry {
    fn from(user: ListedUser) -> Self {
        Self { id: user.id.0, username: user.username, role: user.role.as_str() }
    }
}

/// A token that signs its user in once, and the page where a browser redeems it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenIssued {
    token: String,
    #[schema(example = "/sso/simple?token=...")]
    login_path: String,
}

impl From<Secret> for TokenIssued {
    fn from(token: Secret) -> Self {
        let token = token.reveal().to_owned();
        Self { login_path: format!("/sso/simple?token={token}"), token }
    }
}
