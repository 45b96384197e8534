//! What was deleted a while ago, and taking it back.
use actix_web::HttpResponse;
use actix_web::web::Path;
use askama::Template;
use carrel_domain::Error;
use carrel_domain::deletion::{Deletable, Deletion, DeletionKind};
use carrel_services::deletions;
use chrono::{DateTime, Utc};

use crate::filters;
use crate::frame::{Frame, Section};
use crate::refusal::Refusal;
use crate::reply::{self, Answer};
use crate::texts::{self, t};
use crate::visit::{Reader, Visit};

/// How many deletions are listed.
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
    frame: Frame,
    rows: Vec<DeletedRow>,
}

fn kind(kind: DeletionKind) -> &'static str {
    texts::find(&format!("bin.{}", kind.as_str())).unwrap_or_default()
}

pub async fn list(visit: Visit<Reader>) -> Answer {
    let workspaces = visit.workspaces().await?;
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
    let found = visit.ports().deletions.of(visit.who.id(), LISTED).await?;
    let rows = found.into_iter().filter_map(row).collect();
    let frame = visit.frame(t("bin.title"), Section::Account).await?;
    reply::page(&visit.request, &DeletionsPage { frame, rows })
}

pub async fn restore(visit: Visit<Reader>, id: Path<String>) -> Answer {
    let id = id.parse().map_err(|_| Error::not_found("deletion", &*id))?;
    let port = &*visit.ports().deletions;
    let restored = deletions::restore(port, id, visit.who.id(), &visit.by()).await?;
    let workspaces = visit.workspaces().await?;
    let workspace = workspaces.iter().find(|known| known.id == restored.workspace);
    let address = match (workspace, restored.thread) {
        (Some(workspace), Some(thread)) => format!("/w/{}/t/{thread}", workspace.slug),
        (Some(workspace), None) => format!("/w/{}", workspace.slug),
        (None, _) => "/account/bin".to_owned(),
    };
    Ok(reply::done(&address, "restored"))
}

/// Deletes something so that it can be taken back, and goes to `address` with the way to do so.
pub async fn delete(
    visit: &Visit<Reader>,
    what: &Deletable,
    address: &str,
    done: &str,
) -> Result<HttpResponse, Refusal> {
    let port = &*visit.ports().deletions;
    let deleted = deletions::delete(port, what, visit.who.id(), &visit.by()).await?;
    Ok(match deleted {
        Some(id) => reply::done(&with_undo(address, id), done),
        None => reply::done(address, done),
    })
}

fn with_undo(address: &str, id: i64) -> String {
    let (path, part) = address.split_once('#').unwrap_or((address, ""));
    let joint = if path.contains('?') { '&' } else { '?' };
    let part = if part.is_empty() { String::new() } else { format!("#{part}") };
    format!("{path}{joint}undo={id}{part}")
}
