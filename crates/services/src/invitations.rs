//! Invites: made, withdrawn, redeemed.
use std::sync::Arc;

use carrel_domain::audit::By;
use carrel_domain::invite::{Invite, InviteStatus, Invites, NewInvite, UnknownWorkspaces};
use carrel_domain::user::{Role, User};
use carrel_domain::{Error, InviteId, Result, WorkspaceId};
use chrono::{DateTime, Utc};
use serde_json::json;

use crate::accounts::{Accounts, UserDraft};
use crate::token;

/// Cheap to clone.
#[derive(Clone)]
pub struct Invitations {
    /// The store of invites.
    pub invites: Arc<dyn Invites>,
    /// Makes the account of whoever redeems one.
    pub accounts: Accounts,
}

impl Invitations {
    /// Makes an invite, and returns it with its code.
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

    /// Withdraws an invite; returns how it was before.
    pub async fn disable(&self, id: InviteId, by: &By) -> Result<Invite> {
        let event = by.event("invite_deleted", json!({ "inviteId": id.0 }).to_string());
        self.invites.disable(id, event).await
    }

    /// Registers whoever holds a code. The role is always the default one.
    /// [`Error::NotFound`] for any code that is not good now, whatever the reason.
    pub async fn redeem(&self, code: &str, draft: UserDraft, by: &By) -> Result<User> {
        let gone = || Error::not_found("invite", "this code");
        // Before the password is hashed, so that guessing codes costs the server little.
        let invite = self.invites.by_code(code).await?.ok_or_else(gone)?;
        let is_over = invite.expires_at.is_some_and(|end| end <= by.at);
        if invite.status != InviteStatus::Pending || is_over {
            return Err(gone());
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
