//! People: their passwords, and the first admin.
use argon2::Argon2;
use argon2::password_hash::PasswordHasher;
use carrel_domain::user::{NewUser, PasswordHash, Role, User, Username, Users};
use carrel_domain::{Error, Result};
use chrono::{DateTime, Utc};

/// Characters of a password, at least and at most.
pub const PASSWORD_LENGTH: std::ops::RangeInclusive<usize> = 7..=250;

/// Creates a user. [`Error::AlreadyExists`] when the name is taken.
pub async fn create_user(
    users: &dyn Users,
    username: &str,
    password: &str,
    role: Role,
    now: DateTime<Utc>,
) -> Result<User> {
    users.create(new_user(username, password, role, now).await?).await
}

/// Creates the first admin, which is what switches multi-user mode on.
/// [`Error::AlreadyExists`] when it is on already.
pub async fn enable_multi_user(
    users: &dyn Users,
    username: &str,
    password: &str,
    now: DateTime<Utc>,
) -> Result<User> {
    users.enable_multi_user(new_user(username, password, Role::Admin, now).await?).await
}

async fn new_user(
    username: &str,
    password: &str,
    role: Role,
    created_at: DateTime<Utc>,
) -> Result<NewUser> {
    let username = Username::parse(username)?;
    let length = password.chars().count();
    if length < *PASSWORD_LENGTH.start() {
        let reason =
            format!("password should be at least {} characters long", PASSWORD_LENGTH.start());
        return Err(Error::invalid("password", reason));
    }
    if length > *PASSWORD_LENGTH.end() {
        let reason =
            format!("password should not be longer than {} characters", PASSWORD_LENGTH.end());
        return Err(Error::invalid("password", reason));
    }
    let password = hash(password.to_owned()).await?;
    Ok(NewUser { username, password, role, created_at })
}

/// Argon2id at its recommended cost (19 MiB, two passes), off the threads that answer requests.
async fn hash(password: String) -> Result<PasswordHash> {
    let hashed = tokio::task::spawn_blocking(move || {
        Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string())
    });
    let text = hashed
        .await
        .map_err(Error::internal)?
        .map_err(|error| Error::internal(error.to_string()))?;
    Ok(PasswordHash(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_kept_as_an_argon2id_hash() {
        let new = new_user("sample-sam", "hunter2", Role::Default, Utc::now()).await.unwrap();
        assert!(new.password.0.starts_with("$argon2id$"), "{}", new.password.0);
        assert!(!format!("{new:?}").contains("argon2"));
    }

    #[tokio::test]
    async fn short_and_endless_passwords_are_refused() {
        for password in ["hunter", &"x".repeat(251)] {
            assert!(new_user("sample-sam", password, Role::Default, Utc::now()).await.is_err());
        }
        assert!(new_user("sample-sam", &"é".repeat(250), Role::Default, Utc::now()).await.is_ok());
    }
}
