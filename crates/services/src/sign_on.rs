//! Signing people in from elsewhere: a program with a key asks for a token, a browser redeems it.
use std::sync::Arc;

use carrel_domain::audit::By;
use carrel_domain::user::{
    NewSession, NewSignInToken, RedeemedToken, Sessions, SignInTokens, User,
};
use carrel_domain::{Result, UserId};
use chrono::TimeDelta;
use serde_json::json;
use url::Url;

use crate::settings::SettingsStore;
use crate::sign_in::SESSION;
use crate::token::{self, Secret};

/// The variable that turns sign-in by links on, with any value.
const ENABLED: &str = "SIMPLE_SSO_ENABLED";
/// The variable that also turns passwords off, with any value.
const NO_PASSWORDS: &str = "SIMPLE_SSO_NO_LOGIN";
/// The page of another server where people sign in instead.
const PAGE: &str = "SIMPLE_SSO_NO_LOGIN_REDIRECT";

/// Whether the people of a team sign in by links alone.
pub fn is_by_links_alone(settings: &SettingsStore) -> bool {
    let is_set = |name| settings.lookup(name).is_some();
    is_set(ENABLED) && is_set(NO_PASSWORDS)
}

/// The page where people get those links, if the operator has named one.
pub fn page(settings: &SettingsStore) -> Option<Url> {
    let page = Url::parse(settings.lookup(PAGE)?.trim()).ok()?;
    ["http", "https"].contains(&page.scheme()).then_some(page)
}

/// How long a token waits to be redeemed.
const WAITS: TimeDelta = TimeDelta::minutes(6);

/// Cheap to clone.
#[derive(Clone)]
pub struct SignOn {
    /// Tokens that are redeemed once.
    pub tokens: Arc<dyn SignInTokens>,
    /// The page that signs the browser in.
    pub sessions: Arc<dyn Sessions>,
}

/// The result of redeeming a token.
#[derive(Debug)]
pub enum Redeemed {
    /// A session is open.
    In(Secret, User),
    /// There is no such token, or no longer.
    Unknown,
    /// The token came too late, or was used before.
    Expired,
    /// The account is suspended.
    Suspended,
}

impl SignOn {
    /// A token for a user, in the place of any before it. A suspended user's is not going to be
    /// redeemed. [`carrel_domain::Error::NotFound`] when there is no such user.
    pub async fn issue(&self, user: UserId, by: &By) -> Result<Secret> {
        let secret = Secret::random();
        let token = NewSignInToken {
            digest: secret.digest(),
            user,
            expires_at: by.at + WAITS,
            created_at: by.at,
        };
        let event = by.event("sign_in_token_issued", json!({ "userId": user.0 }).to_string());
        self.tokens.issue(token, event).await?;
        Ok(secret)
    }

    /// Opens a session for whoever holds a token. However that ends, the token is spent.
    pub async fn redeem(&self, token: &str, by: &By) -> Result<Redeemed> {
        let event = by.event("sign_in_token_redeemed", "{}");
        let taken = self.tokens.redeem_token(token::digest(token), event).await?;
        let Some(RedeemedToken { user, expires_at, issued_by }) = taken else {
            return Ok(Redeemed::Unknown);
        };
        if expires_at <= by.at {
            return Ok(Redeemed::Expired);
        }
        if user.suspended {
            return Ok(Redeemed::Suspended);
        }
        let secret = Secret::random();
        let session = NewSession {
            digest: secret.digest(),
            user: user.id,
            issued_by,
            expires_at: by.at + SESSION,
            created_at: by.at,
        };
        let event = by.event("login_event", json!({ "username": user.username }).to_string());
        self.sessions.open(session, event).await?;
        Ok(Redeemed::In(secret, user))
    }
}
