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

/// Maximum number of listed deletions.
const MAX_ROWS: u32 = 200;

struct DeletionRow {
    id: i64,
    kind: &'static str,
    name: String,
    workspace: String,
    deleted_at: DateTime<Utc>,
}

#[derive(Template)]
#[template(path = "deletions.html")]
struct DeletionsPage {
    layout: PageLayout,
    rows: Vec<DeletionRow>,
}

fn kind(kind: DeletionKind) -> &'static str {
    texts::find(&format!("bin.{}", kind.as_str())).unwrap_or_default()
}

pub async fn list(current_user: CurrentUser<role::Any>) -> PageResult {
    let workspaces = current_user.workspaces().await?;
    let row = |deletion: Deletion| {
        let workspace = workspaces.iter().find(|workspace| workspace.id == deletion.workspace)?;
        Some(DeletionRow {
            id: deletion.id,
            kind: kind(deletion.kind),
            name: deletion.name,
            workspace: workspace.settings.name.clone(),
            deleted_at: deletion.deleted_at,
        })
    };
    let found = current_user.ports().deletions.of(current_user.identity.id(), MAX_ROWS).await?;
    let rows = found.into_iter().filter_map(row).collect();
    let layout = current_user.layout(t("bin.title"), Section::Account).await?;
    response::page(&current_user.request, &DeletionsPage { layout, rows })
}

pub async fn restore(current_user: CurrentUser<role::Any>, id: Path<String>) -> PageResult {
    let id = id.parse().map_err(|_| Error::not_found("deletion", &*id))?;
    let port = &*current_user.ports().deletions;
    let location =
        deletions::restore(port, id, current_user.identity.id(), &current_user.by()).await?;
    let workspaces = current_user.workspaces().await?;
    let workspace = workspaces.iter().find(|workspace| workspace.id == location.workspace);
    let address = match (workspace, location.thread) {
        (Some(workspace), Some(thread)) => format!("/w/{}/t/{thread}", workspace.slug),
        (Some(workspace), None) => format!("/w/{}", workspace.slug),
        (None, _) => "/account/bin".to_owned(),
    };
    Ok(response::redirect_with_notice(&address, "restored"))
}

/// Deletes an item so that it can be restored, and redirects to `address` with a link to undo it.
pub async fn delete(
    current_user: &CurrentUser<role::Any>,
    item: &Deletable,
    address: &str,
    notice: &str,
) -> Result<HttpResponse, PageError> {
    let port = &*current_user.ports().deletions;
    let deletion_id =
        deletions::delete(port, item, current_user.identity.id(), &current_user.by()).await?;
    Ok(match deletion_id {
        Some(id) => response::redirect_with_notice(&with_undo(address, id), notice),
        None => response::redirect_with_notice(address, notice),
    })
}

fn with_undo(address: &str, id: i64) -> String {
    let (path, fragment) = address.split_once('#').unwrap_or((address, ""));
    let separator = if path.contains('?') { '&' } else { '?' };
    let fragment = if fragment.is_empty() { String::new() } else { format!("#{fragment}") };
    format!("{path}{separator}undo={id}{fragment}")
}
