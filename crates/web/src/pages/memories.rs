//! Notes about a person that are sent with their questions. Only that person sees, changes and
//! deletes them.
use std::collections::HashMap;

use actix_web::web::Path;
use askama::Template;
use carrel_domain::memory::Memory;
use carrel_domain::{Error, MemoryId};
use carrel_services::memories;

use crate::http::form::PageForm;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::{PageLayout, Section};
use crate::view::texts::t;

struct MemoryRow {
    id: i32,
    content: String,
    /// The workspace to which the note applies; every workspace if absent.
    workspace: Option<String>,
}

#[derive(Template)]
#[template(path = "memories.html")]
struct MemoriesPage {
    layout: PageLayout,
    rows: Vec<MemoryRow>,
}

pub async fn list(current_user: CurrentUser<role::Any>) -> PageResult {
    let ports = current_user.ports();
    let names: HashMap<_, _> = ports
        .workspaces
        .list()
        .await?
        .into_iter()
        .map(|workspace| (workspace.id, workspace.settings.name))
        .collect();
    let row = |memory: Memory| MemoryRow {
        id: memory.id.0,
        content: memory.content,
        workspace: memory.workspace.and_then(|id| names.get(&id).cloned()),
    };
    let rows =
        ports.memories.about(current_user.identity.id()).await?.into_iter().map(row).collect();
    let page = MemoriesPage {
        rows,
        layout: current_user.layout(t("memories.title"), Section::Account).await?,
    };
    response::page(&current_user.request, &page)
}

fn parse_id(text: &str) -> Result<MemoryId, Error> {
    text.parse().map(MemoryId).map_err(|_| Error::not_found("memory", text))
}

pub async fn save(
    current_user: CurrentUser<role::Any>,
    path: Path<String>,
    form: PageForm,
) -> PageResult {
    let form = form.read().await?;
    let content = form.text("content").replace("\r\n", "\n");
    let port = &*current_user.ports().memories;
    memories::update(
        port,
        parse_id(&path)?,
        current_user.identity.id(),
        &content,
        &current_user.by(),
    )
    .await?;
    Ok(response::redirect_with_notice("/account/memories", "saved"))
}

pub async fn delete(current_user: CurrentUser<role::Any>, path: Path<String>) -> PageResult {
    let port = &*current_user.ports().memories;
    memories::delete(port, parse_id(&path)?, current_user.identity.id(), &current_user.by())
        .await?;
    Ok(response::redirect_with_notice("/account/memories", "deleted"))
}
