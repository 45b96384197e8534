//! Chat widgets: creating, changing and including them in other sites, and their visitors'
//! questions.
mod form;
mod history;

use actix_web::web::Path;
use askama::Template;
use carrel_domain::widget::{ListedWidget, WebOrigin, Widget, WidgetSettings};
use carrel_domain::workspace::ChatMode;
use chrono::{DateTime, Utc};

use super::super::setup::server_address;
use crate::http::form::PageForm;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::PageLayout;
use crate::view::texts::t;

pub use history::history;

const PATH: &str = "/admin/widgets";

struct WidgetRow {
    key: String,
    workspace: String,
    pages: String,
    is_enabled: bool,
    chat_count: u64,
    created_at: DateTime<Utc>,
}

/// The form to create or change a widget.
struct SettingsForm {
    /// Slug, name, and whether the workspace is selected.
    workspaces: Vec<(String, String, bool)>,
    is_enabled: bool,
    is_query: bool,
    is_any_site: bool,
    origins: String,
    allows_model: bool,
    allows_temperature: bool,
    allows_prompt: bool,
    day_limit: String,
    session_limit: String,
    history: String,
}

#[derive(Template)]
#[template(path = "admin/widgets.html")]
struct WidgetsPage {
    layout: PageLayout,
    rows: Vec<WidgetRow>,
    settings: SettingsForm,
}

#[derive(Template)]
#[template(path = "admin/widget.html")]
struct WidgetPage {
    layout: PageLayout,
    key: String,
    workspace: String,
    snippet: String,
    settings: SettingsForm,
}

pub async fn list(current_user: CurrentUser<role::Admin>) -> PageResult {
    let rows = current_user.ports().widgets.widgets.list().await?.into_iter().map(row).collect();
    let workspaces = current_user.workspaces().await?.into_iter();
    let workspaces =
        workspaces.map(|workspace| (workspace.slug.to_string(), workspace.settings.name, false));
    let defaults = WidgetSettings::of(carrel_domain::WorkspaceId(0));
    let settings = SettingsForm { is_any_site: false, ..settings(&defaults, workspaces.collect()) };
    let layout = current_user.admin_layout(t("widgets.title")).await?;
    response::page(&current_user.request, &WidgetsPage { layout, rows, settings })
}

fn row(entry: ListedWidget) -> WidgetRow {
    let Widget { key, settings, created_at, .. } = entry.widget;
    WidgetRow {
        key: key.to_string(),
        workspace: entry.workspace,
        pages: match &settings.origins {
            None => t("widgets.pages-any").to_owned(),
            Some(origins) => origins.iter().map(WebOrigin::as_str).collect::<Vec<_>>().join(", "),
        },
        is_enabled: settings.enabled,
        chat_count: entry.chats,
        created_at,
    }
}

fn settings(settings: &WidgetSettings, workspaces: Vec<(String, String, bool)>) -> SettingsForm {
    let number = |limit: Option<i32>| limit.map(|limit| limit.to_string()).unwrap_or_default();
    let origins = settings.origins.iter().flatten().map(WebOrigin::as_str);
    SettingsForm {
        workspaces,
        is_enabled: settings.enabled,
        is_query: settings.mode == ChatMode::Query,
        is_any_site: settings.origins.is_none(),
        origins: origins.collect::<Vec<_>>().join("\n"),
        allows_model: settings.allows_model,
        allows_temperature: settings.allows_temperature,
        allows_prompt: settings.allows_prompt,
        day_limit: number(settings.day_limit),
        session_limit: number(settings.session_limit),
        history: number(settings.history),
    }
}

pub async fn create(current_user: CurrentUser<role::Admin>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let workspace = current_user.workspace(form.text("workspace")).await?;
    let settings = form::settings(&form, workspace.id)?;
    let widget = current_user.ports().widgets.create(settings, &current_user.by()).await?;
    Ok(response::redirect_with_notice(&format!("{PATH}/{}", widget.key), "created"))
}

pub async fn show(current_user: CurrentUser<role::Admin>, key: Path<String>) -> PageResult {
    let widget = current_user.ports().widgets.find(&key).await?;
    let workspaces = current_user.workspaces().await?;
    let selected_id = widget.settings.workspace;
    let workspace = workspaces.iter().find(|workspace| workspace.id == selected_id);
    let workspace = workspace.map(|workspace| workspace.settings.name.clone()).unwrap_or_default();
    let workspaces = workspaces.into_iter();
    let options = workspaces.map(|workspace| {
        (workspace.slug.to_string(), workspace.settings.name, workspace.id == selected_id)
    });
    let (base, key) = (server_address(&current_user.request), widget.key.to_string());
    let page = WidgetPage {
        layout: current_user.admin_layout(t("widgets.title")).await?,
        snippet: format!(
            "<script src=\"{base}/embed/carrel-widget.js\" data-embed-id=\"{key}\" defer></script>"
        ),
        settings: settings(&widget.settings, options.collect()),
        workspace,
        key,
    };
    response::page(&current_user.request, &page)
}

pub async fn save(
    current_user: CurrentUser<role::Admin>,
    key: Path<String>,
    form: PageForm,
) -> PageResult {
    let widgets = &current_user.ports().widgets;
    let widget = widgets.find(&key).await?;
    let form = form.read().await?;
    let workspace = current_user.workspace(form.text("workspace")).await?;
    let settings = form::settings(&form, workspace.id)?;
    widgets.update(&widget, settings, &current_user.by()).await?;
    Ok(response::redirect_with_notice(&format!("{PATH}/{}", widget.key), "saved"))
}

pub async fn delete(current_user: CurrentUser<role::Admin>, key: Path<String>) -> PageResult {
    let widgets = &current_user.ports().widgets;
    let widget = widgets.find(&key).await?;
    widgets.delete(&widget, &current_user.by()).await?;
    Ok(response::redirect_with_notice(PATH, "deleted"))
}
