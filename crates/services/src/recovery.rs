//! Recovery codes, which users create for themselves, and recovery links, which administrators
//! create for them. Both set a new password.
use std::sync::Arc;

use carrel_domain::api_key::KeyDigest;
use carrel_domain::audit::{Actor, By, Event};
use carrel_domain::recovery_code::{NewRecoveryLink, RecoveryCodes, RecoveryLinks};
use carrel_domain::user::{Sessions, User};
use carrel_domain::{Error, Result, UserId};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::accounts::Passwords;
use crate::failed_sign_ins::FailedSignIns;
use crate::login_throttle::LoginThrottle;
use crate::sign_in::{Refused, SignIn};
use crate::token::{self, Secret};

/// The number of codes generated for a user.
pub const CODE_COUNT: usize = 10;

/// The number of letters in each of the four groups of a code, which has 100 random bits.
const GROUP_CHARS: usize = 5;

/// How long a recovery link is valid.
pub const LINK_TTL: TimeDelta = TimeDelta::hours(24);

/// The event for a code that is wrong or already used.
const FAILED_EVENT: &str = "failed_recovery_invalid_code";

/// A new link for a user.
pub struct RecoveryLink {
    /// The secret of the link. It is shown once.
    pub secret: Secret,
    /// The expiry time.
    pub expires_at: DateTime<Utc>,
}

impl RecoveryLink {
    /// Returns the path of the page that the link opens.
    pub fn path(&self) -> String {
        format!("/recover/link?token={}", self.secret.reveal())
    }
}

/// Recovery codes and links. Each works once, sets a new password and signs the user in.
#[derive(Clone)]
pub struct Recovery {
    /// Digests of the codes.
    pub codes: Arc<dyn RecoveryCodes>,
    /// Digests of the links.
    pub links: Arc<dyn RecoveryLinks>,
    /// Credentials of users.
    pub sessions: Arc<dyn Sessions>,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Records wrong codes.
    pub failed_sign_ins: FailedSignIns,
    /// Limits attempts.
    pub throttle: LoginThrottle,
    /// Opens sessions.
    pub sign_in: Arc<SignIn>,
}

impl Recovery {
    /// Creates codes that replace the user's existing ones. They are shown once.
    pub async fn create_codes(&self, user: &User, by: &By) -> Result<Vec<String>> {
        let codes: Vec<String> = (0..CODE_COUNT).map(|_| code()).collect();
        let digests = codes.iter().map(|code| digest(user.id, code)).collect();
        let details = json!({ "userName": user.username }).to_string();
        let event = by.event("recovery_codes_created", details);
        self.codes.replace(user.id, digests, event).await?;
        Ok(codes)
    }

    /// Returns the number of unused codes of a user.
    pub async fn remaining_codes(&self, user: UserId) -> Result<u64> {
        self.codes.count(user).await
    }

    /// Returns whether to offer recovery codes to a user: the user has none and has not dismissed
    /// the offer.
    pub async fn is_offer_due(&self, user: &User) -> Result<bool> {
        Ok(!user.seen_recovery_codes && self.remaining_codes(user.id).await? == 0)
    }

    /// Records that a user dismissed the offer.
    pub async fn dismiss_offer(&self, user: UserId) -> Result<()> {
        self.codes.dismiss(user).await
    }

    /// Creates a link that resets a user's password. It replaces an earlier one.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the user does not exist.
    pub async fn issue_link(&self, user: UserId, by: &By) -> Result<RecoveryLink> {
        let (secret, expires_at) = (Secret::random(), by.at + LINK_TTL);
        let digest = secret.digest();
        let link = NewRecoveryLink { digest, user, expires_at, created_at: by.at };
        let event = by.event("recovery_link_issued", json!({ "userId": user.0 }).to_string());
        self.links.issue(link, event).await?;
        Ok(RecoveryLink { secret, expires_at })
    }

    /// Returns the user of a link. Returns `None` if the link is invalid, used or expired.
    pub async fn user_of_link(&self, link: &str, now: DateTime<Utc>) -> Result<Option<User>> {
        self.links.user_of(token::digest(link), now).await
    }

    /// Sets a new password for the holder of a link, ends the user's sessions and opens a new one.
    pub async fn redeem_link(
        &self,
        link: &str,
        new: &str,
        by: &By,
    ) -> Result<(Secret, User), Refused> {
        self.check(new)?;
        // A wrong link costs no hashing.
        let Some(user) = self.user_of_link(link, by.at).await? else { return Err(Refused::Wrong) };
        let password = self.passwords.hash(new.to_owned()).await?;
        let event = recovery_event(&user, by);
        if !self.links.redeem(token::digest(link), password, event).await? {
            return Err(Refused::Wrong);
        }
        self.sign_in.with_password(&user.username, new, by).await
    }

    fn check(&self, password: &str) -> Result<()> {
        self.passwords.check(password).map_err(|error| match error {
            Error::Invalid { reason, .. } => Error::invalid("new", reason),
            error => error,
        })
    }

    /// Sets a new password for the holder of a code and opens a session. Unknown names and wrong
    /// codes get the same response in the same time.
    pub async fn redeem(
        &self,
        username: &str,
        code: &str,
        new: &str,
        by: &By,
    ) -> Result<(Secret, User), Refused> {
        self.check(new)?;
        self.throttle.check(username, by).await?;
        // Always hash, because the hash dominates the response time.
        let password = self.passwords.hash(new.to_owned()).await?;
        let user = self.sessions.credentials(username).await?.map(|(user, _)| user);
        let is_set = match user {
            None => false,
            Some(user) => {
                let event = recovery_event(&user, by);
                self.codes.redeem(user.id, digest(user.id, code), password, event).await?
            }
        };
        if !is_set {
            self.failed_sign_ins.record(FAILED_EVENT, Some(username), by).await?;
            return Err(Refused::Wrong);
        }
        self.sign_in.with_password(username, new, by).await
    }
}

fn recovery_event(user: &User, by: &By) -> Event {
    let details = json!({ "userName": user.username }).to_string();
    By { actor: Actor::User(user.id), ..by.clone() }.event("password_recovered", details)
}

/// Returns a random code, such as `abcde-fghij-kmnpq-rstvw`.
fn code() -> String {
    let letters: Vec<char> = token::random_code().chars().collect();
    let groups: Vec<String> =
        letters.chunks_exact(GROUP_CHARS).take(4).map(|group| group.iter().collect()).collect();
    groups.join("-")
}

/// Returns the digest of a user's code. Ignores case and separators, and maps letters that look
/// like digits.
fn digest(user: UserId, code: &str) -> KeyDigest {
    let letters =
        code.chars().filter(|c| c.is_alphanumeric()).map(|c| match c.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            error => error,
        });
    token::digest(&format!("{}:{}", user.0, letters.collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_tolerates_typing_variants_and_belongs_to_one_user() {
        let generated = code();
        assert_eq!(generated.len(), 23);
        assert_ne!(generated, code());
        let (ada, bob) = (UserId(1), UserId(2));
        let typed = format!(" {} ", generated.to_uppercase().replace('-', " ").replace('0', "O"));
        assert_eq!(digest(ada, &generated).0, digest(ada, &typed).0);
        assert_ne!(digest(ada, &generated).0, digest(bob, &generated).0);
    }
}
