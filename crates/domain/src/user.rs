//! People who sign in, and the switch from one user to many.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::{Error, Result, UserId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Default,
    Manager,
    Admin,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Default, Self::Manager, Self::Admin];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Manager => "manager",
            Self::Admin => "admin",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// 2 to 64 characters: a lower-case letter, then lower-case letters, digits and `. _ @ -`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(String);

impl Username {
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

#[derive(Clone, Debug)]
pub struct NewUser {
    pub username: Username,
    pub password: PasswordHash,
    pub role: Role,
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct User {
    pub id: UserId,
    pub username: String,
    pub role: Role,
    pub suspended: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Where people are kept. Each method is one transaction.
#[async_trait]
pub trait Users: Send + Sync {
    /// [`Error::AlreadyExists`] when the name is taken.
    async fn create(&self, new: NewUser) -> Result<User>;
    /// Creates the first admin and switches multi-user mode on. Of any number of calls, also at
    /// the same moment, one succeeds; the others get [`Error::AlreadyExists`].
    async fn enable_multi_user(&self, admin: NewUser) -> Result<User>;
    async fn is_multi_user(&self) -> Result<bool>;
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
