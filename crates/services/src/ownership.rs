//! Sets a server up with a one-time link that only its operator sees, and signs in the owner of a
//! server without users.
use std::sync::Arc;

use carrel_domain::api_key::KeyDigest;
use carrel_domain::audit::{Actor, By};
use carrel_domain::owner::{NewOwnerSession, NewSetupLink, Owner, OwnersKeys, SetupLinks};
use carrel_domain::user::{MultiUser, OpenSession, PasswordHash, User};
use carrel_domain::{Error, Result};
use chrono::{DateTime, TimeDelta, Utc};

use crate::accounts::{Accounts, UserDraft};
use crate::failed_sign_ins::FailedSignIns;
use crate::login_throttle::LoginThrottle;
use crate::sign_in::{Refused, SESSION_TTL};
use crate::token::{self, Secret};

/// How long a setup link is valid.
pub const LINK_TTL: TimeDelta = TimeDelta::hours(24);

/// The name under which the owner's sign-in attempts are counted. It is not a valid user name.
const OWNER: &str = "(owner)";

/// The setup state of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupState {
    /// The server has not been set up.
    Fresh,
    /// The server has an owner with a password.
    Owned,
    /// The server has users.
    Shared,
}

/// The owner, and the setup of a new server.
pub struct Ownership {
    /// The store of the owner.
    pub owner: Arc<dyn Owner>,
    /// The store of setup links.
    pub links: Arc<dyn SetupLinks>,
    /// The switch to multi-user mode.
    pub multi_user: Arc<dyn MultiUser>,
    /// Creates the first admin.
    pub accounts: Accounts,
    failed_sign_ins: FailedSignIns,
    throttle: LoginThrottle,
}

impl Ownership {
    /// Creates the service.
    pub fn new(
        owner: Arc<dyn Owner>,
        links: Arc<dyn SetupLinks>,
        accounts: Accounts,
        failed_sign_ins: FailedSignIns,
        throttle: LoginThrottle,
    ) -> Self {
        let multi_user = accounts.multi_user.clone();
        Self { owner, links, multi_user, accounts, failed_sign_ins, throttle }
    }

    /// Returns the setup state.
    pub async fn setup_state(&self) -> Result<SetupState> {
        if self.multi_user.is_on().await? {
            return Ok(SetupState::Shared);
        }
        Ok(match self.owner.password().await? {
            Some(_) => SetupState::Owned,
            None => SetupState::Fresh,
        })
    }

    /// Creates a setup link and returns its secret. If there is an owner, the link resets the
    /// password. [`Error::AlreadyExists`] on a server with users.
    pub async fn issue_link(&self, by: &By) -> Result<Secret> {
        if self.multi_user.is_on().await? {
            return Err(already_shared());
        }
        let secret = Secret::random();
        let digest = secret.digest();
        let link = NewSetupLink { digest, expires_at: by.at + LINK_TTL, created_at: by.at };
        self.links.issue(link, by.event("setup_link_issued", "{}")).await?;
        Ok(secret)
    }

    /// Returns whether a setup link is valid now.
    pub async fn is_valid_link(&self, link: &str, now: DateTime<Utc>) -> Result<bool> {
        if self.multi_user.is_on().await? {
            return Ok(false);
        }
        self.links.is_good(token::digest(link), now).await
    }

    /// Sets the owner's password for the holder of a link, replacing any earlier owner, and opens a
    /// session. [`Error::NotFound`] if the link is invalid.
    pub async fn set_owner(&self, link: &str, password: String, by: &By) -> Result<Secret> {
        self.accounts.passwords.check(&password)?;
        self.require_link(link, by.at).await?;
        let hash = self.accounts.passwords.hash(password).await?;
        self.consume_link(link, by).await?;
        self.set_password(hash.clone(), OwnersKeys::Ended, by).await?;
        self.open_session(hash, by).await?.ok_or_else(no_such_link)
    }

    /// Creates the first admin for the holder of a link, which switches multi-user mode on.
    /// [`Error::NotFound`] if the link is invalid.
    pub async fn share(&self, link: &str, draft: UserDraft, by: &By) -> Result<User> {
        self.require_link(link, by.at).await?;
        // Validate before consuming the link, so that it survives a mistake.
        self.accounts.new_user(draft.clone(), by).await?;
        self.consume_link(link, by).await?;
        self.accounts.enable_multi_user(draft, by).await
    }

    /// Checks the owner's password and opens a session.
    pub async fn with_password(&self, password: &str, by: &By) -> Result<Secret, Refused> {
        self.throttle.check(OWNER, by).await?;
        if self.multi_user.is_on().await? {
            return Err(Refused::Wrong);
        }
        let Some(hash) = self.owner.password().await? else { return Err(Refused::Wrong) };
        let is_right = self.accounts.passwords.verify(password.to_owned(), hash.clone()).await?;
        if !is_right {
            self.failed_sign_ins.record("failed_login_invalid_password", None, by).await?;
            return Err(Refused::Wrong);
        }
        let session = self.open_session(hash, by).await?.ok_or(Refused::Wrong)?;
        self.throttle.clear(OWNER, by).await?;
        Ok(session)
    }

    /// Returns whether a token belongs to a session of the owner.
    pub async fn is_owner(&self, token: &str, now: DateTime<Utc>) -> Result<bool> {
        if self.multi_user.is_on().await? {
            return Ok(false);
        }
        self.owner.is_open(token::digest(token), now).await
    }

    /// Ends the session of a token. Returns `false` if it does not exist.
    pub async fn sign_out(&self, token: &str, by: &By) -> Result<bool> {
        self.close(token::digest(token), by).await
    }

    /// Ends a listed session. Returns `false` if it does not exist.
    pub async fn close(&self, digest: KeyDigest, by: &By) -> Result<bool> {
        self.owner.close(digest, by.event("logout_event", "{}")).await
    }

    /// Changes the password, ends every session and opens a new one. [`Refused::Wrong`] if
    /// `current` is not the password.
    pub async fn change_password(
        &self,
        current: &str,
        new: String,
        by: &By,
    ) -> Result<Secret, Refused> {
        self.accounts.passwords.check(&new)?;
        // An open session must not allow faster guessing of the password.
        self.throttle.check(OWNER, by).await?;
        let hash = self.owner.password().await?.ok_or(Refused::Wrong)?;
        if !self.accounts.passwords.verify(current.to_owned(), hash).await? {
            self.failed_sign_ins.record("failed_login_invalid_password", None, by).await?;
            return Err(Refused::Wrong);
        }
        self.throttle.clear(OWNER, by).await?;
        let hash = self.accounts.passwords.hash(new).await?;
        self.set_password(hash.clone(), OwnersKeys::Kept, by).await?;
        self.open_session(hash, by).await?.ok_or(Refused::Wrong)
    }

    async fn set_password(&self, hash: PasswordHash, keys: OwnersKeys, by: &By) -> Result<()> {
        self.owner.set_password(hash, keys, by.event("owner_password_set", "{}")).await?;
        self.accounts.api_keys.forget();
        Ok(())
    }

    /// Returns the owner's sessions open at `now`, newest first.
    pub async fn sessions(&self, now: DateTime<Utc>) -> Result<Vec<OpenSession>> {
        self.owner.sessions(now).await
    }

    async fn open_session(&self, hash: PasswordHash, by: &By) -> Result<Option<Secret>> {
        let secret = Secret::random();
        let session = NewOwnerSession {
            digest: secret.digest(),
            expires_at: by.at + SESSION_TTL,
            created_at: by.at,
        };
        let by = By { actor: Actor::Owner, ..by.clone() };
        let opened = self.owner.open(session, hash, by.event("login_event", "{}")).await?;
        Ok(opened.then_some(secret))
    }

    async fn require_link(&self, link: &str, now: DateTime<Utc>) -> Result<()> {
        if self.is_valid_link(link, now).await? { Ok(()) } else { Err(no_such_link()) }
    }

    async fn consume_link(&self, link: &str, by: &By) -> Result<()> {
        let event = by.event("setup_link_spent", "{}");
        if self.links.redeem_link(token::digest(link), event).await? {
            Ok(())
        } else {
            Err(no_such_link())
        }
    }
}

fn no_such_link() -> Error {
    Error::not_found("setup link", "this one")
}

fn already_shared() -> Error {
    Error::AlreadyExists { kind: "multi-user mode is already on", key: String::new() }
}
