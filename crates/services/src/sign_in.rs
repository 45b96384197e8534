//! Signing in with a name and a password, and the sessions that come of it.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use carrel_domain::audit::By;
use carrel_domain::user::{NewSession, PasswordHash, Sessions, User};
use carrel_domain::{Error, Result};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::accounts::{Passwords, is_bcrypt};
use crate::keyring::{self, Secret};

/// How long a session lasts.
pub(crate) const SESSION: TimeDelta = TimeDelta::days(30);
/// How many attempts for one name, or from one address, are answered in [`WINDOW`].
const ATTEMPTS: usize = 10;
const WINDOW: TimeDelta = TimeDelta::minutes(5);
/// The most names and addresses remembered.
const REMEMBERED: usize = 10_000;

/// What a wrong name and a wrong password are both answered with.
pub const WRONG: &str = "Invalid login credentials.";

/// Lets people in, slowly where somebody guesses.
pub struct SignIn {
    pub sessions: Arc<dyn Sessions>,
    passwords: Passwords,
    attempts: Mutex<HashMap<String, Vec<DateTime<Utc>>>>,
    /// Checked when there is no such user, so that the answer takes as long.
    decoy: PasswordHash,
}

/// Why nobody was let in.
#[derive(Debug)]
pub enum Refused {
    /// The name or the password is wrong, or the user is suspended.
    Wrong,
    /// Too many attempts; again after so many seconds.
    Later(u64),
    Failed(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl SignIn {
    pub async fn new(sessions: Arc<dyn Sessions>, passwords: Passwords) -> Result<Self> {
        let decoy = passwords.hash(keyring::random_code()).await?;
        Ok(Self { sessions, passwords, attempts: Mutex::default(), decoy })
    }

    /// Opens a session for whoever knows the password.
    pub async fn with_password(
        &self,
        username: &str,
        password: &str,
        by: &By,
    ) -> Result<(Secret, User), Refused> {
        self.attempt(username, by)?;
        let found = self.sessions.credentials(username).await?;
        let (user, hash) = match found {
            Some((user, hash)) => (Some(user), hash),
            None => (None, self.decoy.clone()),
        };
        let is_right = self.passwords.verify(password.to_owned(), hash.clone()).await?;
        let user = user.filter(|user| is_right && !user.suspended).ok_or(Refused::Wrong)?;
        if is_bcrypt(&hash) {
            let stronger = self.passwords.hash(password.to_owned()).await?;
            self.sessions.strengthen(user.id, &hash, stronger).await?;
        }
        let token = Secret::random();
        let session = NewSession {
            digest: token.digest(),
            user: user.id,
            expires_at: by.at + SESSION,
            created_at: by.at,
        };
        let event = by.event("login_event", json!({ "username": user.username }).to_string());
        self.sessions.open(session, event).await?;
        Ok((token, user))
    }

    /// Whose session a token stands for.
    pub async fn user_of(&self, token: &str, now: DateTime<Utc>) -> Result<Option<User>> {
        self.sessions.user_of(keyring::digest(token), now).await
    }

    /// Ends a session.
    pub async fn out(&self, token: &str, by: &By) -> Result<bool> {
        self.sessions.close(keyring::digest(token), by.event("logout_event", "{}")).await
    }

    fn attempt(&self, username: &str, by: &By) -> Result<(), Refused> {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        if attempts.len() > REMEMBERED {
            attempts.retain(|_, times| times.last().is_some_and(|last| by.at - *last < WINDOW));
        }
        let address = by.address.iter().map(|address| format!("address {address}"));
        let keys: Vec<_> = address.chain([format!("name {username:.64}")]).collect();
        for key in &keys {
            let times = attempts.entry(key.clone()).or_default();
            times.retain(|time| by.at - *time < WINDOW);
            if let Some(first) = times.first().filter(|_| times.len() >= ATTEMPTS) {
                let wait = (*first + WINDOW - by.at).num_seconds();
                return Err(Refused::Later(u64::try_from(wait).unwrap_or(0) + 1));
            }
        }
        for key in keys {
            attempts.entry(key).or_default().push(by.at);
        }
        Ok(())
    }
}
