//! JSON of users at `/api/v1`.
use carrel_domain::user::User;
use carrel_domain::{Error, Result};
use carrel_services::accounts::{UserChanges, UserDraft};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::compat::values::{UnknownFields, as_flag, as_number, as_text, refuse_misspelled};
use crate::v1::admin::wire::users::parse_role;
use crate::wire::{sent, time};

#[derive(Serialize, ToSchema)]
#[schema(as = compat::UserList)]
pub struct UserList {
    pub users: Vec<UserRow>,
}

/// A user.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = compat::UserRow)]
pub struct UserRow {
    id: i32,
    username: String,
    pfp_filename: Option<String>,
    /// `default`, `manager` or `admin`.
    role: &'static str,
    /// 0 or 1.
    suspended: u8,
    #[serde(rename = "seen_recovery_codes")]
    seen_recovery_codes: bool,
    created_at: String,
    last_updated_at: String,
    daily_message_limit: Option<i32>,
    bio: String,
}

impl From<User> for UserRow {
    fn from(user: User) -> Self {
        let User {
            id,
            username,
            picture,
            role,
            suspended,
            daily_message_limit,
            bio,
            seen_recovery_codes,
            created_at,
            updated_at,
        } = user;
        Self {
            id: id.0,
            username,
            pfp_filename: picture,
            role: role.as_str(),
            suspended: suspended.into(),
            seen_recovery_codes,
            created_at: time(created_at),
            last_updated_at: time(updated_at),
            daily_message_limit,
            bio,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = compat::UserCreated)]
pub struct UserCreated {
    pub user: UserRow,
    pub error: Option<String>,
}

/// A new user, or changes to a user. Values of other types are converted.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = compat::UserFields)]
pub struct UserFields {
    /// 2 to 64 characters: a lower-case letter, then lower-case letters, digits and `. _ @ -`.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, example = "sample-sam")]
    username: Option<Value>,
    /// 7 to 250 characters, unless configured otherwise.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, example = "hunter2")]
    password: Option<Value>,
    /// `default`, `manager` or `admin`.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>, example = "default")]
    role: Option<Value>,
    /// 0 or 1. Ignored for a new user.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<u8>)]
    suspended: Option<Value>,
    /// Messages allowed in any 24 hours, at least 1; null for no limit.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<i32>)]
    daily_message_limit: Option<Value>,
    /// At most 1,000 characters.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>)]
    bio: Option<Value>,
    /// File name of the profile picture. Ignored for a new user.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>)]
    pfp_filename: Option<Value>,
    #[serde(flatten)]
    #[schema(ignore)]
    unknown: UnknownFields,
}

const FIELDS: [&str; 7] =
    ["username", "password", "role", "suspended", "dailyMessageLimit", "bio", "pfpFilename"];

impl UserFields {
    pub fn into_draft(self) -> Result<UserDraft> {
        let Self { username, password, role, daily_message_limit, bio, unknown, .. } = self;
        refuse_misspelled(&unknown, &FIELDS)?;
        let password = match password {
            None => String::new(),
            Some(Value::String(password)) => password,
            Some(_) => return Err(Error::invalid("password", "\"value\" must be a string")),
        };
        let role = role.map(|role| parse_role(role.as_str().unwrap_or_default())).transpose()?;
        Ok(UserDraft {
            username: username.as_ref().map(as_text).unwrap_or_default(),
            password,
            role,
            daily_message_limit: daily_message_limit.as_ref().and_then(limit),
            bio: bio.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned(),
        })
    }

    pub fn into_changes(self) -> Result<UserChanges> {
        let Self {
            username,
            password,
            role,
            suspended,
            daily_message_limit,
            bio,
            pfp_filename,
            unknown,
        } = self;
        refuse_misspelled(&unknown, &FIELDS)?;
        let role = role.map(|role| parse_role(&as_text(&role))).transpose()?;
        let unless_null = |value: Value| (!value.is_null()).then(|| as_text(&value));
        Ok(UserChanges {
            username: username.as_ref().map(as_text),
            password: password.as_ref().map(as_text),
            role,
            suspended: suspended.as_ref().map(as_flag),
            daily_message_limit: daily_message_limit.as_ref().map(limit),
            bio: bio.map(|bio| unless_null(bio).unwrap_or_default()),
            picture: pfp_filename.map(unless_null),
        })
    }
}

/// Converts a limit. A value that is not a number becomes zero, which validation refuses.
fn limit(value: &Value) -> Option<i32> {
    let number = (!value.is_null()).then(|| as_number(value).unwrap_or_default());
    // A message limit is a whole number: fractions are cut off and large values saturate.
    number.map(|number| number as i32)
}
