//! User accounts: validation, creation, changes and deletion, and the first admin.
mod password;

use std::sync::Arc;

use carrel_domain::audit::By;
use carrel_domain::user::{MultiUser, NewUser, Role, User, UserPatch, Username, Users};
use carrel_domain::{Error, Result, UserId};
use serde_json::json;

pub use password::{PasswordRules, Passwords, is_bcrypt};

use crate::api_keys::ApiKeyService;

/// The maximum length of the text about a user, in characters.
const MAX_BIO_CHARS: usize = 1000;

/// The data of a new user, as sent by a client.
#[derive(Clone, Debug, Default)]
pub struct UserDraft {
    /// The name to sign in with. Must be a valid [`Username`].
    pub username: String,
    /// The plain password. Checked against the [`PasswordRules`] and hashed.
    pub password: String,
    /// The role. [`Role::Default`] if absent.
    pub role: Option<Role>,
    /// The maximum number of questions in 24 hours, at least 1. Unlimited if absent.
    pub daily_message_limit: Option<i32>,
    /// A text about the user, at most 1,000 characters.
    pub bio: String,
}

/// Changes to a user, as sent by a client. Absent fields stay unchanged.
#[derive(Clone, Debug, Default)]
pub struct UserChanges {
    /// The new name. Must be a valid [`Username`].
    pub username: Option<String>,
    /// The new plain password.
    pub password: Option<String>,
    /// The new role.
    pub role: Option<Role>,
    /// Whether the account is suspended.
    pub suspended: Option<bool>,
    /// The new limit; `Some(None)` removes it.
    pub daily_message_limit: Option<Option<i32>>,
    /// The new text about the user, at most 1,000 characters.
    pub bio: Option<String>,
    /// The file name of the new picture; `Some(None)` removes it.
    pub picture: Option<Option<String>>,
}

/// Manages user accounts. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    /// The store of accounts.
    pub users: Arc<dyn Users>,
    /// The switch to multi-user mode.
    pub multi_user: Arc<dyn MultiUser>,
    /// The API keys, whose cache is cleared when their creators change.
    pub api_keys: Arc<ApiKeyService>,
    /// Checks and hashes passwords.
    pub passwords: Passwords,
}

impl Accounts {
    /// Creates a user. [`Error::AlreadyExists`] if the name is taken.
    pub async fn create(&self, draft: UserDraft, by: &By) -> Result<User> {
        let name = draft.username.clone();
        let user = self.new_user(draft, by).await?;
        let event = by.event("api_user_created", json!({ "userName": name }).to_string());
        self.users.create(user, event).await.map_err(map_username_taken)
    }

    /// Creates the first admin and thereby switches multi-user mode on. [`Error::AlreadyExists`] if
    /// it is already on.
    pub async fn enable_multi_user(&self, draft: UserDraft, by: &By) -> Result<User> {
        let name = draft.username.clone();
        let draft = UserDraft { role: Some(Role::Admin), ..draft };
        let admin = self.new_user(draft, by).await?;
        let event = by.event("multi_user_mode_enabled", json!({ "userName": name }).to_string());
        let admin = self.multi_user.enable(admin, event).await?;
        self.api_keys.forget();
        Ok(admin)
    }

    /// Changes a user. At least one field must differ from its current value.
    pub async fn update(&self, id: UserId, changes: UserChanges, by: &By) -> Result<User> {
        let user = self.by_id(id).await?;
        let patch = self.patch(&user, changes).await?;
        let event = by.event("user_updated", json!({ "userName": user.username }).to_string());
        let updated = self.users.update(id, patch, event).await.map_err(map_username_taken)?;
        self.api_keys.forget();
        Ok(updated)
    }

    /// Deletes a user and all data that belongs only to the user.
    pub async fn delete(&self, id: UserId, by: &By) -> Result<()> {
        let user = self.by_id(id).await?;
        let event = by.event("api_user_deleted", json!({ "userName": user.username }).to_string());
        self.users.delete(id, event).await?;
        self.api_keys.forget();
        Ok(())
    }

    async fn by_id(&self, id: UserId) -> Result<User> {
        self.users.by_id(id).await?.ok_or_else(|| Error::not_found("user", id))
    }

    /// Validates the data of a new user and hashes the password.
    pub async fn new_user(&self, draft: UserDraft, by: &By) -> Result<NewUser> {
        let UserDraft { username, password, role, daily_message_limit, bio } = draft;
        self.passwords.check(&password)?;
        let username = Username::parse(&username)?;
        check_limit(daily_message_limit)?;
        check_bio(&bio)?;
        let password = self.passwords.hash(password).await?;
        let role = role.unwrap_or(Role::Default);
        Ok(NewUser { username, password, role, daily_message_limit, bio, created_at: by.at })
    }

    async fn patch(&self, user: &User, changes: UserChanges) -> Result<UserPatch> {
        let UserChanges { username, password, role, suspended, daily_message_limit, bio, picture } =
            changes;
        if let Some(password) = &password {
            self.passwords.check(password)?;
        }
        let username = username.filter(|name| *name != user.username);
        let username = username.as_deref().map(Username::parse).transpose()?;
        check_limit(daily_message_limit.flatten())?;
        check_bio(bio.as_deref().unwrap_or_default())?;
        check_picture(picture.as_ref().and_then(Option::as_deref))?;
        let is_empty = username.is_none()
            && password.is_none()
            && role.is_none()
            && suspended.is_none()
            && daily_message_limit.is_none()
            && bio.is_none()
            && picture.is_none();
        if is_empty {
            return Err(Error::invalid("updates", "No valid updates applied."));
        }
        let password = match password {
            Some(password) => Some(self.passwords.hash(password).await?),
            None => None,
        };
        Ok(UserPatch { username, password, role, suspended, daily_message_limit, bio, picture })
    }
}

fn map_username_taken(error: Error) -> Error {
    match error {
        Error::AlreadyExists { kind: "user", .. } => {
            Error::invalid("username", "A user with that username already exists")
        }
        error => error,
    }
}

fn check_limit(limit: Option<i32>) -> Result<()> {
    match limit {
        Some(limit) if limit < 1 => Err(Error::invalid(
            "daily_message_limit",
            "Daily message limit must be null or a number greater than or equal to 1",
        )),
        _ => Ok(()),
    }
}

fn check_bio(bio: &str) -> Result<()> {
    match bio.chars().count() > MAX_BIO_CHARS {
        true => Err(Error::invalid("bio", "Bio cannot be longer than 1,000 characters")),
        false => Ok(()),
    }
}

/// Checks that a picture name is a plain file name, because it is later looked up in a directory.
fn check_picture(name: Option<&str>) -> Result<()> {
    let leaves = |name: &str| name.contains(['/', '\\']) || name.chars().any(char::is_control);
    let allowed = |name: &str| {
        !name.is_empty() && name.len() <= 255 && !name.starts_with('.') && !leaves(name)
    };
    match name.is_none_or(allowed) {
        true => Ok(()),
        false => Err(Error::invalid("pfp_filename", "Picture must be the name of a file")),
    }
}
