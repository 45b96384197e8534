//! Sets a server up in a browser with a one-time link that only its operator sees, and signs in the
//! owner of a server without users.
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
use crate::sign_in::{Refused, SESSION};
use crate::token::{self, Secret};

/// How long a link to set the server up is good.
pub const LINK: TimeDelta = TimeDelta::hours(24);

/// Under which name the owner's attempts to sign in are counted. No user can have it.
const OWNER: &str = "(owner)";

/// The users of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupState {
    /// Nobody has set it up in a browser yet.
    Fresh,
    /// One person, with a password.
    Owned,
    /// Many, with accounts.
    Shared,
}

/// The one person of a server without users, and the setup of a new server.
pub struct Ownership {
    /// The store of the owner.
    pub owner: Arc<dyn Owner>,
    /// The store of setup links.
    pub links: Arc<dyn SetupLinks>,
    /// The switch to a server for a team.
    pub multi_user: Arc<dyn MultiUser>,
    /// Makes the first admin.
    pub accounts: Accounts,
    failed: FailedSignIns,
    throttle: LoginThrottle,
}

impl Ownership {
    /// Of these ports.
    pub fn new(
        owner: Arc<dyn Owner>,
        links: Arc<dyn SetupLinks>,
        accounts: Accounts,
        failed: FailedSignIns,
        throttle: LoginThrottle,
    ) -> Self {
        let multi_user = accounts.multi_user.clone();
        Self { owner, links, multi_user, accounts, failed, throttle }
    }

    /// Whether somebody has set the server up, and for whom.
    pub async fn setup_state(&self) -> Result<SetupState> {
        if self.multi_user.is_on().await? {
            return Ok(SetupState::Shared);
        }
        Ok(match self.owner.password().await? {
            Some(_) => SetupState::Owned,
            None => SetupState::Fresh,
        })
    }

    /// A link's secret, for the operator's eyes. Where there is an owner already it replaces the
    /// password; [`Error::AlreadyExists`] where there are many users.
    pub async fn issue_link(&self, by: &By) -> Result<Secret> {
        if self.multi_user.is_on().await? {
            return Err(shared());
        }
        let secret = Secret::random();
        let digest = secret.digest();
        let link = NewSetupLink { digest, expires_at: by.at + LINK, created_at: by.at };
        self.links.issue(link, by.event("setup_link_issued", "{}")).await?;
        Ok(secret)
    }

    /// Whether a link lets its holder set the server up now.
    pub async fn is_good(&self, link: &str, now: DateTime<Utc>) -> Result<bool> {
        if self.multi_user.is_on().await? {
            return Ok(false);
        }
        self.links.is_good(token::digest(link), now).await
    }

    /// Makes whoever holds the link the owner, in place of an earlier one, and opens a session.
    /// [`Error::NotFound`] when the link is not good.
    pub async fn set_owner(&self, link: &str, password: String, by: &By) -> Result<Secret> {
        self.accounts.passwords.check(&password)?;
        self.need(link, by.at).await?;
        let hash = self.accounts.passwords.hash(password).await?;
        self.spend(link, by).await?;
        self.set_password(hash.clone(), OwnersKeys::Ended, by).await?;
        self.open(hash, by).await?.ok_or_else(gone)
    }

    /// Makes whoever holds the link the first admin, which switches multi-user mode on.
    /// [`Error::NotFound`] when the link is not good.
    pub async fn share(&self, link: &str, draft: UserDraft, by: &By) -> Result<User> {
        self.need(link, by.at).await?;
        // Checked before the link is spent, so that a mistake costs nothing.
        self.accounts.new_user(draft.clone(), by).await?;
        self.spend(link, by).await?;
        self.accounts.enable_multi_user(draft, by).await
    }

    /// Opens a session for whoever knows the owner's password.
    pub async fn with_password(&self, password: &str, by: &By) -> Result<Secret, Refused> {
        self.throttle.check(OWNER, by).await?;
        if self.multi_user.is_on().await? {
            return Err(Refused::Wrong);
        }
        let Some(hash) = self.owner.password().await? else { return Err(Refused::Wrong) };
        let is_right = self.accounts.passwords.verify(password.to_owned(), hash.clone()).await?;
        if !is_right {
            self.failed.record("failed_login_invalid_password", None, by).await?;
            return Err(Refused::Wrong);
        }
        let session = self.open(hash, by).await?.ok_or(Refused::Wrong)?;
        self.throttle.forgive(OWNER, by).await?;
        Ok(session)
    }

    /// Whether a token stands for the owner.
    pub async fn is_owner(&self, token: &str, now: DateTime<Utc>) -> Result<bool> {
        if self.multi_user.is_on().await? {
            return Ok(false);
        }
        self.owner.is_open(token::digest(token), now).await
    }

    /// Ends a session. Says whether there was one.
    pub async fn out(&self, token: &str, by: &By) -> Result<bool> {
        self.close(token::digest(token), by).await
    }

    /// As [`Ownership::out`], for a session that is listed.
    pub async fn close(&self, digest: KeyDigest, by: &By) -> Result<bool> {
        self.owner.close(digest, by.event("logout_event", "{}")).await
    }

    /// Sets another password, which ends every session, and opens a new one.
    /// [`Refused::Wrong`] when `current` is not the password.
    pub async fn change_password(
        &self,
        current: &str,
        new: String,
        by: &By,
    ) -> Result<Secret, Refused> {
        self.accounts.passwords.check(&new)?;
        // An open session must not be a way to guess the password faster.
        self.throttle.check(OWNER, by).await?;
        let hash = self.owner.password().await?.ok_or(Refused::Wrong)?;
        if !self.accounts.passwords.verify(current.to_owned(), hash).await? {
            self.failed.record("failed_login_invalid_password", None, by).await?;
            return Err(Refused::Wrong);
        }
        self.throttle.forgive(OWNER, by).await?;
        let hash = self.accounts.passwords.hash(new).await?;
        self.set_password(hash.clone(), OwnersKeys::Kept, by).await?;
        self.open(hash, by).await?.ok_or(Refused::Wrong)
    }

    async fn set_password(&self, hash: PasswordHash, keys: OwnersKeys, by: &By) -> Result<()> {
        self.owner.set_password(hash, keys, by.event("owner_password_set", "{}")).await?;
        self.accounts.api_keys.forget();
        Ok(())
    }

    /// The owner's sessions that are open at `now`, the newest first.
    pub async fn sessions(&self, now: DateTime<Utc>) -> Result<Vec<OpenSession>> {
        self.owner.sessions(now).await
    }

    async fn open(&self, hash: PasswordHash, by: &By) -> Result<Option<Secret>> {
        let secret = Secret::random();
        let session = NewOwnerSession {
            digest: secret.digest(),
            expires_at: by.at + SESSION,
            created_at: by.at,
        };
        let by = By { actor: Actor::Owner, ..by.clone() };
        let opened = self.owner.open(session, hash, by.event("login_event", "{}")).await?;
        Ok(opened.then_some(secret))
    }

    async fn need(&self, link: &str, now: DateTime<Utc>) -> Result<()> {
        if self.is_good(link, now).await? { Ok(()) } else { Err(gone()) }
    }

    async fn spend(&self, link: &str, by: &By) -> Result<()> {
        let event = by.event("setup_link_spent", "{}");
        if self.links.redeem_link(token::digest(link), event).await? { Ok(()) } else { Err(gone()) }
    }
}

fn gone() -> Error {
    Error::not_found("setup link", "this one")
}

fn shared() -> Error {
    Error::AlreadyExists { kind: "multi-user mode is already on", key: String::new() }
}
