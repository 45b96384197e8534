//! Recently deleted items, and how to restore them.
use actix_web::HttpResponse;
use actix_web::web::Path;
use askama::Template;
use carrel_domain::Error;
use carrel_domain::deletion::{Deletable, Deletion, DeletionKind};
use carrel_services::deletions;
use chrono::{DateTime, Utc};

use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::{PageLayout, Section};
use crate::view::texts::{self, t};

/// Deletions that are listed.
const LISTED: u32 = 200;

struct DeletedRow {
    id: i64,
    kind: &'static str,
    name: String,
    workspace: String,
    at: DateTime<Utc>,
}

#[derive(Template)]
#[template(path = "deletions.html")]
struct DeletionsPage {
    layout: PageLayout,
    rows: Vec<DeletedRow>,
}

fn kind(kind: DeletionKind) -> &'static str {
    texts::find(&format!("bin.{}", kind.as_str())).unwrap_or_default()
}

pub async fn list(current_user: CurrentUser<role::Any>) -> PageResult {
    let workspaces = current_user.workspaces().await?;
    let row = |deleted: Deletion| {
        let workspace = workspaces.iter().find(|known| known.id == deleted.workspace)?;
        Some(DeletedRow {
            id: deleted.id,
            kind: kind(deleted.kind),
            name: deleted.name,
            workspace: workspace.settings.name.clone(),
            at: deleted.deleted_at,
        })
    };
    let found = current_user.ports().deletions.of(current_user.identity.id(), LISTED).await?;
    let rows = found.into_iter().filter_map(row).collect();
    let layout = current_user.layout(t("bin.title"), Section::Account).await?;
    response::page(&current_user.request, &DeletionsPage { layout, rows })
}

pub async fn restore(current_user: CurrentUser<role::Any>, id: Path<String>) -> PageResult {
    let id = id.parse().map_err(|_| Error::not_found("deletion", &*id))?;
    let port = &*current_user.ports().deletions;
    let restored =
        deletions::restore(port, id, current_user.identity.id(), &current_user.by()).await?;
    let workspaces = current_user.workspaces().await?;
    let workspace = workspaces.iter().find(|known| known.id == restored.workspace);
    let address = match (workspace, restored.thread) {
        (Some(workspace), Some(thread)) => format!("/w/{}/t/{thread}", workspace.slug),
        (Some(workspace), None) => format!("/w/{}", workspace.slug),
        (None, _) => "/account/bin".to_owned(),
    };
    Ok(response::done(&address, "restored"))
}

/// Deletes an item so that it can be restored, and redirects to `address` with a link to undo it.
pub async fn delete(
    current_user: &CurrentUser<role::Any>,
    what: &Deletable,
    address: &str,
    done: &str,
) -> Result<HttpResponse, PageError> {
    let port = &*current_user.ports().deletions;
    let deleted =
        deletions::delete(port, what, current_user.identity.id(), &current_user.by()).await?;
    Ok(match deleted {
        Some(id) => response::done(&with_undo(address, id), done),
        None => response::done(address, done),
    })
}

fn with_undo(address: &str, id: i64) -> String {
    let (path, part) = address.split_once('#').unwrap_or((address, ""));
    let joint = if path.contains('?') { '&' } else { '?' };
    let part = if part.is_empty() { String::new() } else { format!("#{part}") };
    format!("{path}{joint}undo={id}{part}")
}
