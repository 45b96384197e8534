//! Invites: creating, listing and disabling them.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::invite::{Invite, InviteStatus, UnknownWorkspaces};
use carrel_domain::{InviteId, WorkspaceId};
use chrono::{DateTime, Utc};

use super::super::setup::base;
use super::parse_id;
use crate::http::form::PageForm;
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::PageLayout;
use crate::view::texts::t;

struct Row {
    id: i32,
    /// The address to send to the invited person, while the invite is valid.
    link: Option<String>,
    state: &'static str,
    claimed_by: Option<String>,
    workspaces: String,
    until: Option<DateTime<Utc>>,
    since: DateTime<Utc>,
}

#[derive(Template)]
#[template(path = "admin/invites.html")]
struct Invites {
    layout: PageLayout,
    rows: Vec<Row>,
    workspaces: Vec<(i32, String)>,
}

pub async fn list(current_user: CurrentUser<role::Admin>) -> PageResult {
    let ports = current_user.ports();
    let known: Vec<_> = current_user.workspaces().await?;
    let known: Vec<_> =
        known.into_iter().map(|workspace| (workspace.id.0, workspace.settings.name)).collect();
    let (base, now) = (base(&current_user.request), current_user.at);
    let row = |invite: Invite| {
        let is_over = invite.expires_at.is_some_and(|end| end <= now);
        let is_good = invite.status == InviteStatus::Pending && !is_over;
        let named = |id: &WorkspaceId| known.iter().find(|(known, _)| *known == id.0);
        let names = invite.workspaces.iter().filter_map(named).map(|(_, name)| name.as_str());
        Row {
            id: invite.id.0,
            link: is_good.then(|| format!("{base}/invite/{}", invite.code)),
            state: match invite.status {
                InviteStatus::Pending if is_over => t("status.over"),
                InviteStatus::Pending => t("status.pending"),
                InviteStatus::Claimed => t("status.claimed"),
                InviteStatus::Disabled => t("status.disabled"),
            },
            claimed_by: invite.claimed_by_name,
            workspaces: names.collect::<Vec<_>>().join(", "),
            until: invite.expires_at,
            since: invite.created_at,
        }
    };
    let mut rows: Vec<_> = ports.invites.list().await?.into_iter().map(row).collect();
    rows.reverse();
    let layout = current_user.admin_layout(t("invites.title")).await?;
    response::page(&current_user.request, &Invites { layout, rows, workspaces: known })
}

pub async fn create(current_user: CurrentUser<role::Admin>, form: PageForm) -> PageResult {
    if current_user.identity.user().is_none() {
        return Err(PageError::missing("user", "many"));
    }
    let form = form.read().await?;
    form.check_fields(&["days"], &["workspace"])?;
    let workspaces = form.parsed("workspace", |id| id.parse().ok().map(WorkspaceId))?;
    let until = form.days("days", 3650)?.map(|lasts| current_user.at + lasts);
    let unknown = UnknownWorkspaces::Refuse;
    current_user.ports().invitations.create(workspaces, unknown, until, &current_user.by()).await?;
    Ok(response::done("/admin/invites", "invited"))
}

pub async fn disable(current_user: CurrentUser<role::Admin>, id: Path<String>) -> PageResult {
    let id = InviteId(parse_id("invite", &id)?);
    current_user.ports().invitations.disable(id, &current_user.by()).await?;
    Ok(response::done("/admin/invites", "disabled"))
}
