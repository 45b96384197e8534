//! Invites: creating, listing and disabling them.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::invite::{Invite, InviteStatus, UnknownWorkspaces};
use carrel_domain::{InviteId, WorkspaceId};
use chrono::{DateTime, Utc};

use super::super::setup::server_address;
use super::parse_id;
use crate::http::form::PageForm;
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::PageLayout;
use crate::view::texts::t;

struct InviteRow {
    id: i32,
    /// The address to send to the invited person, while the invite is valid.
    link: Option<String>,
    state: &'static str,
    claimed_by: Option<String>,
    workspaces: String,
    expires_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

#[derive(Template)]
#[template(path = "admin/invites.html")]
struct InvitesPage {
    layout: PageLayout,
    rows: Vec<InviteRow>,
    workspaces: Vec<(i32, String)>,
}

pub async fn list(current_user: CurrentUser<role::Admin>) -> PageResult {
    let ports = current_user.ports();
    let workspaces: Vec<_> = current_user.workspaces().await?;
    let workspaces: Vec<_> =
        workspaces.into_iter().map(|workspace| (workspace.id.0, workspace.settings.name)).collect();
    let (base, now) = (server_address(&current_user.request), current_user.now);
    let row = |invite: Invite| {
        let is_expired = invite.expires_at.is_some_and(|expiry| expiry <= now);
        let is_valid = invite.status == InviteStatus::Pending && !is_expired;
        let workspace_entry =
            |id: &WorkspaceId| workspaces.iter().find(|(workspace_id, _)| *workspace_id == id.0);
        let names =
            invite.workspaces.iter().filter_map(workspace_entry).map(|(_, name)| name.as_str());
        InviteRow {
            id: invite.id.0,
            link: is_valid.then(|| format!("{base}/invite/{}", invite.code)),
            state: match invite.status {
                InviteStatus::Pending if is_expired => t("status.over"),
                InviteStatus::Pending => t("status.pending"),
                InviteStatus::Claimed => t("status.claimed"),
                InviteStatus::Disabled => t("status.disabled"),
            },
            claimed_by: invite.claimed_by_name,
            workspaces: names.collect::<Vec<_>>().join(", "),
            expires_at: invite.expires_at,
            created_at: invite.created_at,
        }
    };
    let mut rows: Vec<_> = ports.invites.list().await?.into_iter().map(row).collect();
    rows.reverse();
    let layout = current_user.admin_layout(t("invites.title")).await?;
    response::page(&current_user.request, &InvitesPage { layout, rows, workspaces })
}

pub async fn create(current_user: CurrentUser<role::Admin>, form: PageForm) -> PageResult {
    if current_user.identity.user().is_none() {
        return Err(PageError::not_found("user", "many"));
    }
    let form = form.read().await?;
    form.check_fields(&["days"], &["workspace"])?;
    let workspaces = form.parsed("workspace", |id| id.parse().ok().map(WorkspaceId))?;
    let expires_at = form.days("days", 3650)?.map(|lifetime| current_user.now + lifetime);
    let unknown = UnknownWorkspaces::Refuse;
    current_user
        .ports()
        .invitations
        .create(workspaces, unknown, expires_at, &current_user.by())
        .await?;
    Ok(response::redirect_with_notice("/admin/invites", "invited"))
}

pub async fn disable(current_user: CurrentUser<role::Admin>, id: Path<String>) -> PageResult {
    let id = InviteId(parse_id("invite", &id)?);
    current_user.ports().invitations.disable(id, &current_user.by()).await?;
    Ok(response::redirect_with_notice("/admin/invites", "disabled"))
}
