//! Invites: creation, withdrawal and redemption.
use std::sync::Arc;

use carrel_domain::audit::By;
use carrel_domain::invite::{Invite, InviteStatus, Invites, NewInvite, UnknownWorkspaces};
use carrel_domain::user::{Role, User};
use carrel_domain::{Error, InviteId, Result, WorkspaceId};
use chrono::{DateTime, Utc};
use serde_json::json;

use crate::accounts::{Accounts, UserDraft};
use crate::token;

/// Manages invites. Cheap to clone.
#[derive(Clone)]
pub struct Invitations {
    /// The store of invites.
    pub invites: Arc<dyn Invites>,
    /// Creates the accounts of people who redeem invites.
    pub accounts: Accounts,
}

impl Invitations {
    /// Creates an invite and returns it with its code.
    pub async fn create(
        &self,
        workspaces: Vec<WorkspaceId>,
        unknown: UnknownWorkspaces,
        expires_at: Option<DateTime<Utc>>,
        by: &By,
    ) -> Result<Invite> {
        if expires_at.is_some_and(|end| end <= by.at) {
            return Err(Error::invalid("expires_at", "must be in the future"));
        }
        let event =
            by.event("invite_created", json!({ "workspaces": workspaces.len() }).to_string());
        let code = token::random_code();
        let new = NewInvite { code, workspaces, expires_at, created_at: by.at };
        self.invites.create(new, unknown, event).await
    }

    /// Disables an invite and returns its previous state.
    pub async fn disable(&self, id: InviteId, by: &By) -> Result<Invite> {
        let event = by.event("invite_deleted", json!({ "inviteId": id.0 }).to_string());
        self.invites.disable(id, event).await
    }

    /// Registers the holder of a code with the default role. [`Error::NotFound`] if the code is not
    /// valid, whatever the reason.
    pub async fn redeem(&self, code: &str, draft: UserDraft, by: &By) -> Result<User> {
        let no_such_invite = || Error::not_found("invite", "this code");
        // Checked before the expensive password hash, so that guessing codes is cheap for the
        // server.
        let invite = self.invites.by_code(code).await?.ok_or_else(no_such_invite)?;
        let is_over = invite.expires_at.is_some_and(|end| end <= by.at);
        if invite.status != InviteStatus::Pending || is_over {
            return Err(no_such_invite());
        }
        let event = by.event("invite_accepted", json!({ "username": draft.username }).to_string());
        let draft = UserDraft { role: Some(Role::Default), ..draft };
        let user = self.accounts.new_user(draft, by).await?;
        match self.invites.redeem(code, user, event).await {
            Err(Error::AlreadyExists { .. }) => {
                Err(Error::invalid("username", "A user with that username already exists"))
            }
            redeemed => redeemed,
        }
    }
}
