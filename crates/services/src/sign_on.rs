//! Sign-in through another system: a program with an API key requests a token, and a browser
//! redeems it.
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
use crate::sign_in::SESSION_TTL;
use crate::token::{self, Secret};

/// The variable that enables sign-in by links, with any value.
const ENABLED: &str = "SIMPLE_SSO_ENABLED";
/// The variable that disables passwords, with any value.
const NO_PASSWORDS: &str = "SIMPLE_SSO_NO_LOGIN";
/// The variable with the sign-in page of the other system.
const REDIRECT_URL: &str = "SIMPLE_SSO_NO_LOGIN_REDIRECT";

/// Returns whether users can sign in only by links.
pub fn is_by_links_alone(settings: &SettingsStore) -> bool {
    let is_set = |name| settings.lookup(name).is_some();
    is_set(ENABLED) && is_set(NO_PASSWORDS)
}

/// Returns the sign-in page of the other system, if the operator has set one.
pub fn page(settings: &SettingsStore) -> Option<Url> {
    let page = Url::parse(settings.lookup(REDIRECT_URL)?.trim()).ok()?;
    ["http", "https"].contains(&page.scheme()).then_some(page)
}

/// How long a token is valid.
const TOKEN_TTL: TimeDelta = TimeDelta::minutes(6);

/// Issues and redeems sign-in tokens. Cheap to clone.
#[derive(Clone)]
pub struct SignOn {
    /// The tokens.
    pub tokens: Arc<dyn SignInTokens>,
    /// The sessions.
    pub sessions: Arc<dyn Sessions>,
}

/// The result of redeeming a token.
#[derive(Debug)]
pub enum Redeemed {
    /// A session was opened.
    In(Secret, User),
    /// The token does not exist.
    Unknown,
    /// The token is expired.
    Expired,
    /// The account is suspended.
    Suspended,
}

impl SignOn {
    /// Issues a token for a user, replacing earlier ones. A suspended user's token cannot be
    /// redeemed. [`carrel_domain::Error::NotFound`] if the user does not exist.
    pub async fn issue(&self, user: UserId, by: &By) -> Result<Secret> {
        let secret = Secret::random();
        let token = NewSignInToken {
            digest: secret.digest(),
            user,
            expires_at: by.at + TOKEN_TTL,
            created_at: by.at,
        };
        let event = by.event("sign_in_token_issued", json!({ "userId": user.0 }).to_string());
        self.tokens.issue(token, event).await?;
        Ok(secret)
    }

    /// Redeems a token and opens a session. The token is consumed whatever the result.
    pub async fn redeem(&self, token: &str, by: &By) -> Result<Redeemed> {
        let event = by.event("sign_in_token_redeemed", "{}");
        let redeemed = self.tokens.redeem_token(token::digest(token), event).await?;
        let Some(RedeemedToken { user, expires_at, issued_by }) = redeemed else {
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
            expires_at: by.at + SESSION_TTL,
            created_at: by.at,
        };
        let event = by.event("login_event", json!({ "username": user.username }).to_string());
        self.sessions.open(session, event).await?;
        Ok(Redeemed::In(secret, user))
    }
}
