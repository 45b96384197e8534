//! JSON of users.
use carrel_domain::user::{ListedUser, Role, User};
use carrel_domain::{Error, Result};
use carrel_services::accounts::{UserChanges, UserDraft};
use carrel_services::recovery::RecoveryLink;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::wire::{Time, sent, time};

#[derive(Serialize, ToSchema)]
pub struct MultiUserMode {
    #[serde(rename = "isMultiUser")]
    pub is_multi_user: bool,
}

#[derive(Serialize, ToSchema)]
pub struct UserList {
    pub users: Vec<UserRow>,
}

/// Estimated size of a user in the list, in bytes.
const ROW: usize = 192;

impl UserList {
    /// Writes the list as JSON. Most of each row is constant, so writing it directly takes a third
    /// of the serializer's time.
    pub fn written(users: &[ListedUser]) -> serde_json::Result<Vec<u8>> {
        let mut out = Vec::with_capacity(users.len() * ROW + ROW);
        out.extend_from_slice(b"{\"users\":[");
        for (number, user) in users.iter().enumerate() {
            let before: &[u8] = if number > 0 { b",{\"id\":" } else { b"{\"id\":" };
            out.extend_from_slice(before);
            serde_json::to_writer(&mut out, &user.id.0)?;
            out.extend_from_slice(b",\"username\":");
            serde_json::to_writer(&mut out, &user.username)?;
            out.extend_from_slice(b",\"role\":\"");
            out.extend_from_slice(user.role.as_str().as_bytes());
            out.extend_from_slice(b"\",\"suspended\":");
            out.push(if user.suspended { b'1' } else { b'0' });
            out.extend_from_slice(b",\"created_at\":");
            Time(user.created_at).write(&mut out);
            out.extend_from_slice(b",\"last_updated_at\":");
            Time(user.updated_at).write(&mut out);
            out.push(b'}');
        }
        out.extend_from_slice(b"]}");
        Ok(out)
    }
}

/// A user.
#[derive(Serialize, ToSchema)]
pub struct UserRow {
    id: i32,
    username: String,
    /// `default`, `manager` or `admin`.
    role: &'static str,
    /// 0 or 1.
    suspended: u8,
    #[schema(value_type = String)]
    created_at: Time,
    #[schema(value_type = String)]
    last_updated_at: Time,
}

impl From<User> for UserRow {
    fn from(user: User) -> Self {
        ListedUser::from(user).into()
    }
}

impl From<ListedUser> for UserRow {
    fn from(user: ListedUser) -> Self {
        let ListedUser { id, username, role, suspended, created_at, updated_at } = user;
        Self {
            id: id.0,
            username,
            role: role.as_str(),
            suspended: suspended.into(),
            created_at: Time(created_at),
            last_updated_at: Time(updated_at),
        }
    }
}

/// A new user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUserBody {
    /// 2 to 64 characters: a lower-case letter, then lower-case letters, digits and `. _ @ -`.
    #[serde(default)]
    #[schema(example = "sample-sam")]
    username: String,
    /// 7 to 250 characters, unless configured otherwise.
    #[serde(default)]
    #[schema(example = "hunter2")]
    password: String,
    /// `default`, `manager` or `admin`.
    #[schema(example = "default")]
    role: Option<String>,
    /// Messages allowed in any 24 hours, at least 1; null for no limit.
    #[serde(alias = "dailyMessageLimit")]
    daily_message_limit: Option<i32>,
    /// At most 1,000 characters.
    bio: Option<String>,
}

impl NewUserBody {
    pub fn into_draft(self) -> Result<UserDraft> {
        let Self { username, password, role, daily_message_limit, bio } = self;
        let role = role.as_deref().map(parse_role).transpose()?;
        Ok(UserDraft {
            username,
            password,
            role,
            daily_message_limit,
            bio: bio.unwrap_or_default(),
        })
    }
}

pub fn parse_role(role: &str) -> Result<Role> {
    let allowed = "Invalid role. Allowed roles are: default, admin, manager";
    Role::parse(role).ok_or_else(|| Error::invalid("role", allowed))
}

/// Changes to a user. Absent fields do not change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserUpdate {
    #[schema(example = "sample-sam")]
    username: Option<String>,
    #[schema(example = "hunter2")]
    password: Option<String>,
    #[schema(example = "default")]
    role: Option<String>,
    /// 0 or 1, or a boolean.
    #[serde(default, deserialize_with = "flag")]
    #[schema(value_type = Option<u8>, example = 0)]
    suspended: Option<bool>,
    /// Messages allowed in any 24 hours, at least 1; null for no limit.
    #[serde(default, deserialize_with = "sent", alias = "dailyMessageLimit")]
    #[schema(value_type = Option<i32>)]
    daily_message_limit: Option<Option<i32>>,
    bio: Option<String>,
}

impl UserUpdate {
    pub fn into_changes(self) -> Result<UserChanges> {
        let Self { username, password, role, suspended, daily_message_limit, bio } = self;
        let role = role.as_deref().map(parse_role).transpose()?;
        Ok(UserChanges {
            username,
            password,
            role,
            suspended,
            daily_message_limit,
            bio,
            ..UserChanges::default()
        })
    }
}

/// Accepts 0, 1 or a boolean.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Flag {
        Word(bool),
        Number(u8),
    }
    match Option::<Flag>::deserialize(deserializer) {
        Ok(None) => Ok(None),
        Ok(Some(Flag::Word(flag))) => Ok(Some(flag)),
        Ok(Some(Flag::Number(0))) => Ok(Some(false)),
        Ok(Some(Flag::Number(1))) => Ok(Some(true)),
        _ => Err(serde::de::Error::custom("must be 0, 1, true or false")),
    }
}

/// A new user.
#[derive(Serialize, ToSchema)]
pub struct UserCreated {
    pub user: MadeUser,
    pub error: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct MadeUser {
    id: i32,
    username: String,
    role: &'static str,
}

impl From<User> for MadeUser {
    fn from(user: User) -> Self {
        Self { id: user.id.0, username: user.username, role: user.role.as_str() }
    }
}

/// The signed-in user.
#[derive(Serialize, ToSchema)]
pub struct SessionShown {
    pub user: MadeUser,
}

/// User name and password of the first admin, of a user who redeems an invite, or of a user who
/// signs in.
#[derive(Deserialize, ToSchema)]
pub struct Registration {
    #[serde(default)]
    #[schema(example = "sample-sam")]
    username: String,
    #[serde(default)]
    #[schema(example = "hunter2")]
    password: String,
}

impl Registration {
    /// Returns user name and password.
    pub fn into_parts(self) -> (String, String) {
        let Self { username, password } = self;
        (username, password)
    }
}

impl From<Registration> for UserDraft {
    fn from(body: Registration) -> Self {
        let Registration { username, password } = body;
        Self { username, password, ..Self::default() }
    }
}

/// A link that sets its user's password, once.
#[derive(Serialize, ToSchema)]
pub struct RecoveryLinkCreated {
    /// The secret, which is shown only now.
    token: String,
    /// The page that the user opens, without the address of this server.
    #[schema(example = "/recover/link?token=...")]
    path: String,
    expires_at: String,
}

impl From<RecoveryLink> for RecoveryLinkCreated {
    fn from(link: RecoveryLink) -> Self {
        let path = link.path();
        let RecoveryLink { secret, expires_at } = link;
        Self { token: secret.reveal().to_owned(), path, expires_at: time(expires_at) }
    }
}

#[cfg(test)]
mod tests {
    use carrel_domain::UserId;
    use chrono::{DateTime, Utc};

    use super::*;

    #[test]
    fn a_list_is_written_as_the_serializer_would() {
        let user = |id, username: &str, role, suspended| ListedUser {
            id: UserId(id),
            username: username.into(),
            role,
            suspended,
            created_at: DateTime::from_timestamp_millis(1_770_113_472_345).unwrap(),
            updated_at: DateTime::<Utc>::MAX_UTC,
        };
        let all = [
            user(1, "a", Role::Admin, false),
            user(-2, "b\"\\é\n", Role::Manager, true),
            user(i32::MAX, "", Role::Default, false),
        ];
        for users in [&all[..0], &all[..1], &all] {
            let rows = users.iter().cloned().map(Into::into).collect();
            let expected = serde_json::to_vec(&UserList { users: rows }).unwrap();
            assert_eq!(UserList::written(users).unwrap(), expected);
        }
    }
}
