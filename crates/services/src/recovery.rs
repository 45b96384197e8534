//! Recovery codes: made by people for themselves, and used where a password is forgotten.
use std::sync::Arc;

use carrel_domain::api_key::KeyDigest;
use carrel_domain::audit::{Actor, By};
use carrel_domain::recovery_code::RecoveryCodes;
use carrel_domain::user::{Sessions, User};
use carrel_domain::{Error, Result, UserId};
use serde_json::json;

use crate::accounts::Passwords;
use crate::failed_sign_ins::FailedSignIns;
use crate::login_throttle::LoginThrottle;
use crate::sign_in::{Refused, SignIn};
use crate::token::{self, Secret};

/// How many codes a person has at most.
pub const CODES: usize = 10;

/// Letters in each of the four groups of a code: 100 random bits in all.
const GROUP: usize = 5;

/// The event of a code that is wrong or used.
const FAILED: &str = "failed_recovery_invalid_code";

/// Recovery codes: each signs its owner in once, to set a new password.
#[derive(Clone)]
pub struct Recovery {
    /// Digests of the codes.
    pub codes: Arc<dyn RecoveryCodes>,
    /// Sessions, which end when a password changes.
    pub sessions: Arc<dyn Sessions>,
    /// How passwords are hashed.
    pub passwords: Passwords,
    /// Counts codes that are wrong.
    pub failed: FailedSignIns,
    /// Slows down people who guess.
    pub throttle: LoginThrottle,
    /// Opens the session.
    pub sign_in: Arc<SignIn>,
}

impl Recovery {
    /// Makes codes in the place of those the user has. They are shown once.
    pub async fn make(&self, user: &User, by: &By) -> Result<Vec<String>> {
        let codes: Vec<String> = (0..CODES).map(|_| code()).collect();
        let digests = codes.iter().map(|code| digest(user.id, code)).collect();
        let details = json!({ "userName": user.username }).to_string();
        let event = by.event("recovery_codes_created", details);
        self.codes.replace(user.id, digests, event).await?;
        Ok(codes)
    }

    /// How many codes the user has left.
    pub async fn remaining_codes(&self, user: UserId) -> Result<u64> {
        self.codes.count(user).await
    }

    /// Sets a new password for the holder of a code, and opens a session. Wrong names and wrong codes are
    /// refused alike, and as slowly.
    pub async fn redeem(
        &self,
        username: &str,
        code: &str,
        new: &str,
        by: &By,
    ) -> Result<(Secret, User), Refused> {
        self.passwords.check(new).map_err(|error| match error {
            Error::Invalid { reason, .. } => Error::invalid("new", reason),
            other => other,
        })?;
        self.throttle.check(username, by).await?;
        // Whether there is such a user, or not: hashing takes the longest.
        let password = self.passwords.hash(new.to_owned()).await?;
        let user = self.sessions.credentials(username).await?.map(|(user, _)| user);
        let is_set = match user {
            None => false,
            Some(user) => {
                let actor = Actor::User(user.id);
                let details = json!({ "userName": user.username }).to_string();
                let event = By { actor, ..by.clone() }.event("password_recovered", details);
                self.codes.redeem(user.id, digest(user.id, code), password, event).await?
            }
        };
        if !is_set {
            self.failed.record(FAILED, Some(username), by).await?;
            return Err(Refused::Wrong);
        }
        self.sign_in.with_password(username, new, by).await
    }
}

/// A random code, as `abcde-fghij-kmnpq-rstvw`.
fn code() -> String {
    let letters: Vec<char> = token::random_code().chars().collect();
    let groups: Vec<String> =
        letters.chunks_exact(GROUP).take(4).map(|group| group.iter().collect()).collect();
    groups.join("-")
}

/// A code belongs to one user. How it is written does not matter, nor letters that look like digits.
fn digest(user: UserId, code: &str) -> KeyDigest {
    let letters =
        code.chars().filter(|c| c.is_alphanumeric()).map(|c| match c.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        });
    token::digest(&format!("{}:{}", user.0, letters.collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_may_be_typed_as_people_type_and_is_good_for_one_user() {
        let made = code();
        assert_eq!(made.len(), 23);
        assert_ne!(made, code());
        let (ada, bob) = (UserId(1), UserId(2));
        let typed = format!(" {} ", made.to_uppercase().replace('-', " ").replace('0', "O"));
        assert_eq!(digest(ada, &made).0, digest(ada, &typed).0);
        assert_ne!(digest(ada, &made).0, digest(bob, &made).0);
    }
}
