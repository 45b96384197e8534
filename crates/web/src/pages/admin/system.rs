//! The state of the server, and its backup.
use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::Bytes;
use askama::Template;
use carrel_domain::model::ModelChoice;
use carrel_domain::original::OriginalsSize;
use carrel_services::admission::download_while_admitted;
use carrel_services::backup::Secrets;
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;

use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::session::session_guard::SessionGuard;
use crate::view::filters;
use crate::view::layout::PageLayout;
use crate::view::texts::t;

#[derive(Template)]
#[template(path = "admin/system.html")]
struct SystemPage {
    layout: PageLayout,
    version: &'static str,
    started_at: DateTime<Utc>,
    memory: Option<u64>,
    database: &'static str,
    storage: String,
    vector_count: u64,
    workspace_count: usize,
    user_count: usize,
    event_count: u64,
    originals: OriginalsSize,
    language: String,
    embedder: String,
    /// Problems, as messages.
    problems: Vec<String>,
}

pub async fn show(current_user: CurrentUser<role::Admin>) -> PageResult {
    let (ports, options) = (current_user.ports(), &current_user.site.options);
    let (language, embedder) =
        (ports.models.chat(&ModelChoice::default()), ports.models.embedder());
    let mut problems = Vec::new();
    problems.extend(language.as_ref().err().map(ToString::to_string));
    problems.extend(embedder.as_ref().err().map(ToString::to_string));
    let unreadable_settings = ports.settings_store.unreadable();
    if !unreadable_settings.is_empty() {
        problems.push(t("system.unreadable").replace("{names}", &unreadable_settings.join(", ")));
    }
    let page = SystemPage {
        layout: current_user.admin_layout(t("system.title")).await?,
        version: options.version,
        started_at: current_user.site.started_at,
        memory: (options.memory)(),
        database: options.database,
        storage: options.storage_dir.display().to_string(),
        vector_count: ports.index.count(None).await?,
        workspace_count: ports.workspaces.list().await?.len(),
        user_count: ports.users.list().await?.len(),
        event_count: ports.audit.count().await?,
        originals: ports.library.originals.size().await?,
        language: language.map(|model| model.name().model).unwrap_or_default(),
        embedder: embedder.map(|model| model.model().name).unwrap_or_default(),
        problems,
    };
    response::page(&current_user.request, &page)
}

/// Streams a backup of everything that cannot be recreated, while the server keeps running.
pub async fn backup(current_user: CurrentUser<role::Admin>) -> PageResult {
    let archive = current_user.ports().backups.stage(Secrets::Excluded, &current_user.by()).await?;
    let name = format!("carrel-{}.tar", current_user.now.format("%Y-%m-%dT%H-%M-%SZ"));
    Ok(HttpResponse::Ok()
        .content_type("application/x-tar")
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .streaming(download_while_admitted(
            archive.into_stream().map_ok(Bytes::from),
            SessionGuard::new(&current_user, None),
        )))
}
