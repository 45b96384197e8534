//! People who sign in, and the switch from one user to many.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::api_key::KeyDigest;
use crate::audit::Event;
use crate::{Error, Result, UserId};

/// What a user may do. Roles are ordered: each may do what the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Asks in the workspaces they are a member of.
    Default,
    /// Also changes documents and the workspaces they are a member of.
    Manager,
    /// Changes everything on the server.
    Admin,
}

text_enum!(Role {
    Default = "default",
    Manager = "manager",
    Admin = "admin",
});

/// 2 to 64 characters: a lower-case letter, then lower-case letters, digits and `. _ @ -`.
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
    /// Reads a name. [`Error::Invalid`] with a sentence that says which rule it breaks.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |reason| Err(Error::invalid("username", reason));
        if text.chars().count() < 2 {
            return wrong("Username must be at least 2 characters");
        }
        if text.chars().count() > 64 {
            return wrong("Username cannot be longer than 64 characters");
        }
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._@-".contains(c);
        if !text.starts_with(|c: char| c.is_ascii_lowercase()) || !text.chars().all(allowed) {
            return wrong(
                "Username must start with a lowercase letter and only contain lowercase letters, \
                 numbers, underscores, hyphens, and periods",
            );
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A password's hash in PHC string form. Never a password.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// An account that is to be made.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The name to sign in with, unique on the server.
    pub username: Username,
    /// The hash of the password.
    pub password: PasswordHash,
    /// What they may do.
    pub role: Role,
    /// Questions in any 24 hours, >= 1; unlimited when absent.
    pub daily_message_limit: Option<i32>,
    /// At most 1,000 characters.
    pub bio: String,
    /// When it is made.
    pub created_at: DateTime<Utc>,
}

/// An account as the server knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Names it in routes.
    pub id: UserId,
    /// The name to sign in with. Imported ones may be no [`Username`].
    pub username: String,
    /// What they may do.
    pub role: Role,
    /// Whether they are kept out for the time being.
    pub suspended: bool,
    /// See [`NewUser::daily_message_limit`].
    pub daily_message_limit: Option<i32>,
    /// What they say of themselves; may be empty.
    pub bio: String,
    /// The file name of a picture.
    pub picture: Option<String>,
    /// Whether they have been shown recovery codes. Kept for imported installations.
    pub seen_recovery_codes: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// What lists say of a user. They are long, and reading the rest takes as long again.
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
    /// When the account was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<User> for ListedUser {
    fn from(user: User) -> Self {
        let User { id, username, role, suspended, created_at, updated_at, .. } = user;
        Self { id, username, role, suspended, created_at, updated_at }
    }
}

/// What changes about a user; absent parts stay.
#[derive(Clone, Debug, Default)]
pub struct UserPatch {
    /// Another name.
    pub username: Option<Username>,
    /// Another password's hash.
    pub password: Option<PasswordHash>,
    /// Another role.
    pub role: Option<Role>,
    /// Whether they are kept out.
    pub suspended: Option<bool>,
    /// Another limit; `Some(None)` lifts it.
    pub daily_message_limit: Option<Option<i32>>,
    /// Another text.
    pub bio: Option<String>,
    /// Another picture's file name; `Some(None)` removes it.
    pub picture: Option<Option<String>>,
}

/// What is said when a change would leave no admin who may sign in.
pub const LAST_ADMIN: &str = "No system admins will remain if you do this. Update failed.";

/// Stores people. Each method is one transaction, which also writes the event.
#[async_trait]
pub trait Users: Send + Sync {
    /// [`Error::AlreadyExists`] when the name is taken.
    async fn create(&self, new: NewUser, event: Event) -> Result<User>;
    /// Everyone, by id.
    async fn list(&self) -> Result<Vec<ListedUser>>;
    /// As [`Users::list`], with all that is known of each.
    async fn list_with_profiles(&self) -> Result<Vec<User>>;
    /// The user of an id; `None` when there is none.
    async fn by_id(&self, id: UserId) -> Result<Option<User>>;
    /// Changes a user. A new password, another role and a suspension end the user's sessions and
    /// sign-in tokens. A lower role also revokes everything the higher one granted: API keys,
    /// pending invites, tokens issued for others and the sessions that those opened. A suspension
    /// does the same, except that API keys only rest.
    /// [`Error::NotFound`] when there is none, [`Error::AlreadyExists`] when the new name is taken,
    /// [`Error::Invalid`] with [`LAST_ADMIN`] when no admin would be left that is not suspended.
    async fn update(&self, id: UserId, patch: UserPatch, event: Event) -> Result<User>;
    /// Removes a user with sessions, memberships, threads and chats, and revokes what the user
    /// granted, as for a lower role.
    /// Refuses as [`Users::update`] does.
    async fn delete(&self, id: UserId, event: Event) -> Result<User>;
}

/// The switch from one user to many. Each method is one transaction.
#[async_trait]
pub trait MultiUser: Send + Sync {
    /// Whether this server is for a team.
    async fn is_on(&self) -> Result<bool>;
    /// Creates the first admin and switches multi-user mode on. Of any number of calls, also at
    /// the same moment, one succeeds; the others get [`Error::AlreadyExists`]. The owner's API keys
    /// become the admin's; they end where a stranger with a setup link takes the owner's place.
    async fn enable(&self, admin: NewUser, event: Event) -> Result<User>;
}

/// A signed-in browser.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Of the token that the browser keeps.
    pub digest: KeyDigest,
    /// Whose session it is.
    pub user: UserId,
    /// The admin whose sign-in token opened it, if one did. The session ends with their right to
    /// issue tokens.
    pub issued_by: Option<UserId>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
}

/// A signed-in browser, as its user sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenSession {
    /// The SHA-256 of the token that the browser keeps.
    pub digest: KeyDigest,
    /// The network address it was opened from, if known.
    pub address: Option<String>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
}

/// Stores sign-ins. Each method is one transaction.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// The user of a name with the hash to check a password against, suspended or not.
    async fn credentials(&self, username: &str) -> Result<Option<(User, PasswordHash)>>;
    /// Puts a stronger hash of the same password in place of `old`, if that is still there.
    async fn rehash_password(
        &self,
        user: UserId,
        old: &PasswordHash,
        new: PasswordHash,
    ) -> Result<()>;
    /// Opens a session. [`Error::NotFound`] when the user is gone.
    async fn open(&self, session: NewSession, event: Event) -> Result<()>;
    /// Whose session it is at `now`; `None` also when the user is suspended.
    async fn user_of(&self, digest: KeyDigest, now: DateTime<Utc>) -> Result<Option<User>>;
    /// A user's sessions that are open at `now`, the newest first.
    async fn of(&self, user: UserId, now: DateTime<Utc>) -> Result<Vec<OpenSession>>;
    /// Ends one session. Says whether there was one.
    async fn close(&self, digest: KeyDigest, event: Event) -> Result<bool>;
}

/// What signs its user in, once, within minutes.
#[derive(Clone, Debug)]
pub struct NewSignInToken {
    /// The SHA-256 of the token.
    pub digest: KeyDigest,
    /// Whom it signs in.
    pub user: UserId,
    /// When it stops being valid.
    pub expires_at: DateTime<Utc>,
    /// When it is made.
    pub created_at: DateTime<Utc>,
}

/// A sign-in token that was redeemed.
#[derive(Clone, Debug)]
pub struct RedeemedToken {
    /// Whom it signs in, suspended or not.
    pub user: User,
    /// When it stops being valid. What was taken late signs nobody in.
    pub expires_at: DateTime<Utc>,
    /// The user it was issued by, directly or with an API key.
    pub issued_by: Option<UserId>,
}

/// Stores tokens to sign in with. Each method is one transaction.
#[async_trait]
pub trait SignInTokens: Send + Sync {
    /// Puts a token in the place of those the user has. [`Error::NotFound`] when there is no such
    /// user.
    async fn issue(&self, token: NewSignInToken, event: Event) -> Result<()>;
    /// Takes a token away, so that of any number of calls one gets it. The event is written when
    /// there was one.
    async fn redeem_token(&self, digest: KeyDigest, event: Event) -> Result<Option<RedeemedToken>>;
}

/// How often each user has asked.
#[async_trait]
pub trait MessageQuota: Send + Sync {
    /// Notes a question at `now`, unless the user has asked `limit` times in the 24 hours before.
    /// Says whether it was noted. Holds however many ask at the same moment.
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
