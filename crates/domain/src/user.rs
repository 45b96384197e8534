//! Users, their sessions, and the switch to multi-user mode.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::api_key::KeyDigest;
use crate::audit::Event;
use crate::{Error, Result, UserId};

/// The permissions of a user. Roles are ordered: each includes the permissions of the previous
/// ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// May ask questions in the workspaces they are a member of.
    Default,
    /// May also change documents and the workspaces they are a member of.
    Manager,
    /// May change everything on the server.
    Admin,
}

text_enum!(Role {
    Default = "default",
    Manager = "manager",
    Admin = "admin",
});

/// A user name: 2 to 64 characters, a lower-case letter followed by lower-case letters, digits and
/// `. _ @ -`.
///
/// ```
/// use carrel_domain::user::Username;
///
/// assert!(Username::parse("sam.smith").is_ok());
/// assert!(Username::parse("Sam").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// Parses a name. [`Error::Invalid`] with a sentence that states the violated rule.
    pub fn parse(text: &str) -> Result<Self> {
        let invalid = |reason| Err(Error::invalid("username", reason));
        if text.chars().count() < 2 {
            return invalid("Username must be at least 2 characters");
        }
        if text.chars().count() > 64 {
            return invalid("Username cannot be longer than 64 characters");
        }
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._@-".contains(c);
        if !text.starts_with(|c: char| c.is_ascii_lowercase()) || !text.chars().all(allowed) {
            return invalid(
                "Username must start with a lowercase letter and only contain lowercase letters, \
                 numbers, underscores, hyphens, and periods",
            );
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The hash of a password, in PHC string form.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// An account to be created.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The name to sign in with, unique on the server.
    pub username: Username,
    /// The hash of the password.
    pub password: PasswordHash,
    /// The role.
    pub role: Role,
    /// The maximum number of questions in 24 hours, at least 1. Unlimited if absent.
    pub daily_message_limit: Option<i32>,
    /// A text about the user, at most 1,000 characters.
    pub bio: String,
    /// The creation time.
    pub created_at: DateTime<Utc>,
}

/// A stored account.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// The id used in routes.
    pub id: UserId,
    /// The name to sign in with. An imported name may violate the rules of [`Username`].
    pub username: String,
    /// The role.
    pub role: Role,
    /// Whether the account is suspended.
    pub suspended: bool,
    /// See [`NewUser::daily_message_limit`].
    pub daily_message_limit: Option<i32>,
    /// A text about the user. May be empty.
    pub bio: String,
    /// The file name of the profile picture.
    pub picture: Option<String>,
    /// Whether the user has seen the notice about recovery codes.
    pub seen_recovery_codes: bool,
    /// The creation time.
    pub created_at: DateTime<Utc>,
    /// The time of the last change.
    pub updated_at: DateTime<Utc>,
}

/// A user in a list. Lists are long, and loading complete accounts takes twice as long.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedUser {
    /// See [`User::id`].
    pub id: UserId,
    /// See [`User::username`].
    pub username: String,
    /// See [`User::role`].
    pub role: Role,
    /// See [`User::suspended`].
    pub suspended: bool,
    /// The creation time.
    pub created_at: DateTime<Utc>,
    /// The time of the last change.
    pub updated_at: DateTime<Utc>,
}

impl From<User> for ListedUser {
    fn from(user: User) -> Self {
        let User { id, username, role, suspended, created_at, updated_at, .. } = user;
        Self { id, username, role, suspended, created_at, updated_at }
    }
}

/// Changes to a user. Absent fields stay unchanged.
#[derive(Clone, Debug, Default)]
pub struct UserPatch {
    /// The new name.
    pub username: Option<Username>,
    /// The hash of the new password.
    pub password: Option<PasswordHash>,
    /// The new role.
    pub role: Option<Role>,
    /// Whether the account is suspended.
    pub suspended: Option<bool>,
    /// The new limit; `Some(None)` removes it.
    pub daily_message_limit: Option<Option<i32>>,
    /// The new text about the user.
    pub bio: Option<String>,
    /// The file name of the new picture; `Some(None)` removes it.
    pub picture: Option<Option<String>>,
}

/// The error text for a change that would leave no active admin.
pub const LAST_ADMIN: &str = "No system admins will remain if you do this. Update failed.";

/// Stores users. Each method is one transaction, which also writes the event.
#[async_trait]
pub trait Users: Send + Sync {
    /// Creates a user. [`Error::AlreadyExists`] if the name is taken.
    async fn create(&self, new: NewUser, event: Event) -> Result<User>;
    /// Returns every user, by id.
    async fn list(&self) -> Result<Vec<ListedUser>>;
    /// Returns every user with all fields, by id.
    async fn list_with_profiles(&self) -> Result<Vec<User>>;
    /// Returns the user with an id, if it exists.
    async fn by_id(&self, id: UserId) -> Result<Option<User>>;
    /// Changes a user. A new password, another role or a suspension ends the user's sessions and
    /// sign-in tokens. A lower role also revokes everything the higher one granted: API keys,
    /// pending invites, tokens issued for others and the sessions opened with them. A suspension
    /// does the same, except that API keys work again when it ends. [`Error::NotFound`] if the user
    /// does not exist, [`Error::AlreadyExists`] if the new name is taken, [`Error::Invalid`] with
    /// [`LAST_ADMIN`] if no active admin would be left.
    async fn update(&self, id: UserId, patch: UserPatch, event: Event) -> Result<User>;
    /// Deletes a user with their sessions, memberships, threads and exchanges, and revokes what the
    /// user granted, as for a lower role. Fails like [`Users::update`].
    async fn delete(&self, id: UserId, event: Event) -> Result<User>;
}

/// Switches a server to multi-user mode. Each method is one transaction.
#[async_trait]
pub trait MultiUser: Send + Sync {
    /// Returns whether multi-user mode is on.
    async fn is_on(&self) -> Result<bool>;
    /// Creates the first admin and switches multi-user mode on. Of several concurrent calls,
    /// exactly one succeeds; the others fail with [`Error::AlreadyExists`]. The owner's API keys
    /// become the admin's, unless a stranger with a setup link becomes the admin; then they are
    /// revoked.
    async fn enable(&self, admin: NewUser, event: Event) -> Result<User>;
}

/// A session to be stored.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The SHA-256 of the token in the browser.
    pub digest: KeyDigest,
    /// The user.
    pub user: UserId,
    /// The admin who issued the sign-in token that opened the session, if one did. The session ends
    /// when the admin loses the right to issue tokens.
    pub issued_by: Option<UserId>,
    /// The expiry time.
    pub expires_at: DateTime<Utc>,
    /// The creation time.
    pub created_at: DateTime<Utc>,
}

/// An open session.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenSession {
    /// The SHA-256 of the token in the browser.
    pub digest: KeyDigest,
    /// The network address that opened the session, if known.
    pub address: Option<String>,
    /// The expiry time.
    pub expires_at: DateTime<Utc>,
    /// The creation time.
    pub created_at: DateTime<Utc>,
}

/// Stores sessions. Each method is one transaction.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Returns the user with a name, even if suspended, and the password hash.
    async fn credentials(&self, username: &str) -> Result<Option<(User, PasswordHash)>>;
    /// Replaces the hash `old` with a stronger one of the same password, if `old` is still stored.
    async fn rehash_password(
        &self,
        user: UserId,
        old: &PasswordHash,
        new: PasswordHash,
    ) -> Result<()>;
    /// Stores a session. [`Error::NotFound`] if the user no longer exists.
    async fn open(&self, session: NewSession, event: Event) -> Result<()>;
    /// Returns the user of a session open at `now`. Returns `None` if the user is suspended.
    async fn user_of(&self, digest: KeyDigest, now: DateTime<Utc>) -> Result<Option<User>>;
    /// Returns the sessions of a user open at `now`, newest first.
    async fn of(&self, user: UserId, now: DateTime<Utc>) -> Result<Vec<OpenSession>>;
    /// Ends a session. Returns `false` if it does not exist.
    async fn close(&self, digest: KeyDigest, event: Event) -> Result<bool>;
}

/// A sign-in token to be stored. It signs a user in once and expires within minutes.
#[derive(Clone, Debug)]
pub struct NewSignInToken {
    /// The SHA-256 of the token.
    pub digest: KeyDigest,
    /// The user to sign in.
    pub user: UserId,
    /// The expiry time.
    pub expires_at: DateTime<Utc>,
    /// The creation time.
    pub created_at: DateTime<Utc>,
}

/// A redeemed sign-in token.
#[derive(Clone, Debug)]
pub struct RedeemedToken {
    /// The user to sign in, even if suspended.
    pub user: User,
    /// The expiry time. The caller must check it.
    pub expires_at: DateTime<Utc>,
    /// The user who issued it, directly or with an API key.
    pub issued_by: Option<UserId>,
}

/// Stores sign-in tokens. Each method is one transaction.
#[async_trait]
pub trait SignInTokens: Send + Sync {
    /// Replaces all tokens of a user. [`Error::NotFound`] if the user does not exist.
    async fn issue(&self, token: NewSignInToken, event: Event) -> Result<()>;
    /// Consumes a token and writes the event. Of several concurrent calls, exactly one receives it.
    async fn redeem_token(&self, digest: KeyDigest, event: Event) -> Result<Option<RedeemedToken>>;
}

/// Counts the questions of each user.
#[async_trait]
pub trait MessageQuota: Send + Sync {
    /// Counts a question at `now`, unless the user has asked `limit` questions in the previous 24
    /// hours. Returns whether it was counted. Concurrent calls cannot exceed the limit.
    async fn consume_message(&self, user: UserId, limit: i32, now: DateTime<Utc>) -> Result<bool>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_are_lower_case_and_start_with_a_letter() {
        for good in ["ab", "sample-sam", "a.b_c@d-9"] {
            assert!(Username::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "1ab", "Ab", "a b", "é1", "a\n", &"a".repeat(65)] {
            assert!(Username::parse(bad).is_err(), "{bad}");
        }
    }
}
