//! Sign-in with a name and a password, and sessions.
use std::sync::Arc;
use std::time::Duration;

use carrel_domain::audit::{Actor, By};
use carrel_domain::user::{NewSession, PasswordHash, Sessions, User};
use carrel_domain::{Error, Result};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep_until};

use crate::accounts::{Passwords, is_bcrypt};
use crate::failed_sign_ins::FailedSignIns;
use crate::login_throttle::{LoginThrottle, Throttled};
use crate::token::{self, Secret};

/// How long a session lasts.
pub const SESSION_TTL: TimeDelta = TimeDelta::days(30);

/// Refusals take a multiple of this time. The time to check a hash depends on its kind and would
/// reveal whether a user exists.
const REFUSAL_INTERVAL: Duration = Duration::from_millis(250);

/// The message for a wrong name or password.
pub const INVALID_CREDENTIALS: &str = "Invalid login credentials.";

/// Signs users in and limits attempts.
pub struct SignIn {
    sessions: Arc<dyn Sessions>,
    failed_sign_ins: FailedSignIns,
    passwords: Passwords,
    throttle: LoginThrottle,
    /// A hash that is checked if the user does not exist, so that the response takes as long.
    decoy: OnceCell<PasswordHash>,
}

/// Why a sign-in was refused.
#[derive(Debug)]
pub enum Refused {
    /// The name or the password is wrong, or the user is suspended.
    Wrong,
    /// Too many attempts. Retry after this many seconds.
    Later(u64),
    /// The database or the hashing failed, and the password was not checked.
    Failed(Error),
}

impl From<Throttled> for Refused {
    fn from(throttled: Throttled) -> Self {
        match throttled {
            Throttled::Later(seconds) => Self::Later(seconds),
            Throttled::Failed(error) => Self::Failed(error),
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl SignIn {
    /// Creates the service.
    pub fn new(
        sessions: Arc<dyn Sessions>,
        failed_sign_ins: FailedSignIns,
        passwords: Passwords,
        throttle: LoginThrottle,
    ) -> Self {
        Self { sessions, failed_sign_ins, passwords, throttle, decoy: OnceCell::new() }
    }

    /// Checks a name and a password and opens a session.
    pub async fn with_password(
        &self,
        username: &str,
        password: &str,
        by: &By,
    ) -> Result<(Secret, User), Refused> {
        self.throttle.check(username, by).await?;
        let started = Instant::now();
        let outcome = self.check(username, password, by).await;
        if let Err(Refused::Wrong) = outcome {
            sleep_until(started + next_step(started.elapsed())).await;
        }
        outcome
    }

    async fn check(
        &self,
        username: &str,
        password: &str,
        by: &By,
    ) -> Result<(Secret, User), Refused> {
        // Created before the lookup, so that even the first attempt reveals nothing.
        let decoy = self.decoy().await?;
        let credentials = self.sessions.credentials(username).await?;
        let hash = credentials.as_ref().map_or(decoy, |(_, hash)| hash);
        let is_right = self.passwords.verify(password.to_owned(), hash.clone()).await?;
        let (user, hash) = match credentials {
            Some((user, hash)) if is_right && !user.suspended => (user, hash),
            Some(_) if !is_right => {
                return self.refuse("failed_login_invalid_password", username, by).await;
            }
            Some(_) => return self.refuse("failed_login_account_suspended", username, by).await,
            None => return self.refuse("failed_login_invalid_username", username, by).await,
        };
        let token = self.open(&user, by).await?;
        if !self.is_still_valid(username, password, &hash).await? {
            self.sign_out(token.reveal(), by).await?;
            return self.refuse("failed_login_invalid_password", username, by).await;
        }
        if is_bcrypt(&hash) {
            let stronger = self.passwords.hash(password.to_owned()).await?;
            self.sessions.rehash_password(user.id, &hash, stronger).await?;
        }
        self.throttle.clear(username, by).await?;
        Ok((token, user))
    }

    /// Returns the user of a session token.
    pub async fn user_of(&self, token: &str, now: DateTime<Utc>) -> Result<Option<User>> {
        self.sessions.user_of(token::digest(token), now).await
    }

    /// Ends the session of a token. Returns `false` if it does not exist.
    pub async fn sign_out(&self, token: &str, by: &By) -> Result<bool> {
        let user = self.user_of(token, by.at).await?;
        let actor = user.map_or(by.actor, |user| Actor::User(user.id));
        let by = By { actor, ..by.clone() };
        self.sessions.close(token::digest(token), by.event("logout_event", "{}")).await
    }

    async fn open(&self, user: &User, by: &By) -> Result<Secret, Refused> {
        let token = Secret::random();
        let session = NewSession {
            digest: token.digest(),
            user: user.id,
            issued_by: None,
            expires_at: by.at + SESSION_TTL,
            created_at: by.at,
        };
        let by = By { actor: Actor::User(user.id), ..by.clone() };
        let event = by.event("login_event", json!({ "username": user.username }).to_string());
        match self.sessions.open(session, event).await {
            Ok(()) => Ok(token),
            // The user was suspended or deleted since the password was checked.
            Err(Error::NotFound { .. }) => Err(Refused::Wrong),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns whether a password that matched `hash` is still the user's. A new password ends
    /// existing sessions; this check catches a session that is opened at the same moment.
    async fn is_still_valid(
        &self,
        username: &str,
        password: &str,
        hash: &PasswordHash,
    ) -> Result<bool> {
        match self.sessions.credentials(username).await? {
            Some((_, current)) if current == *hash => Ok(true),
            Some((_, current)) => self.passwords.verify(password.to_owned(), current).await,
            None => Ok(false),
        }
    }

    async fn decoy(&self) -> Result<&PasswordHash> {
        self.decoy.get_or_try_init(|| self.passwords.hash(token::random_code())).await
    }

    async fn refuse<T>(
        &self,
        event_name: &'static str,
        username: &str,
        by: &By,
    ) -> Result<T, Refused> {
        self.failed_sign_ins.record(event_name, Some(username), by).await?;
        Err(Refused::Wrong)
    }
}

/// Returns the smallest multiple of [`REFUSAL_INTERVAL`] that exceeds `elapsed`.
fn next_step(elapsed: Duration) -> Duration {
    let steps = elapsed.as_millis() / REFUSAL_INTERVAL.as_millis() + 1;
    REFUSAL_INTERVAL * u32::try_from(steps).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
