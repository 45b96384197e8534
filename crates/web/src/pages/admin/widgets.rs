//! Chat widgets: creating, changing and including them in other sites, and their visitors'
//! questions.
mod form;
mod history;

use actix_web::web::Path;
use askama::Template;
use carrel_domain::widget::{ListedWidget, WebOrigin, Widget, WidgetSettings};
use carrel_domain::workspace::ChatMode;
use chrono::{DateTime, Utc};

use super::super::setup::base;
use crate::http::form::PageForm;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::PageLayout;
use crate::view::texts::t;

pub use history::history;

const PATH: &str = "/admin/widgets";

struct Row {
    key: String,
    workspace: String,
    pages: String,
    is_on: bool,
    chats: u64,
    since: DateTime<Utc>,
}

/// The form to create or change a widget.
struct Settings {
    /// Slug, name, and whether the workspace is selected.
    workspaces: Vec<(String, String, bool)>,
    is_on: bool,
    is_query: bool,
    is_anywhere: bool,
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
    rows: Vec<Row>,
    settings: Settings,
}

#[derive(Template)]
#[template(path = "admin/widget.html")]
struct WidgetPage {
    layout: PageLayout,
    key: String,
    workspace: String,
    snippet: String,
    settings: Settings,
}

pub async fn list(current_user: CurrentUser<role::Admin>) -> PageResult {
    let rows = current_user.ports().widgets.widgets.list().await?.into_iter().map(row).collect();
    let workspaces = current_user.workspaces().await?.into_iter();
    let workspaces = workspaces.map(|one| (one.slug.to_string(), one.settings.name, false));
    let usual = WidgetSettings::of(carrel_domain::WorkspaceId(0));
    let settings = Settings { is_anywhere: false, ..settings(&usual, workspaces.collect()) };
    let layout = current_user.admin_layout(t("widgets.title")).await?;
    response::page(&current_user.request, &WidgetsPage { layout, rows, settings })
}

fn row(listed: ListedWidget) -> Row {
    let Widget { key, settings, created_at, .. } = listed.widget;
    Row {
        key: key.to_string(),
        workspace: listed.workspace,
        pages: match &settings.origins {
            None => t("widgets.pages-any").to_owned(),
            Some(origins) => origins.iter().map(WebOrigin::as_str).collect::<Vec<_>>().join(", "),
        },
        is_on: settings.enabled,
        chats: listed.chats,
        since: created_at,
    }
}

fn settings(of: &WidgetSettings, workspaces: Vec<(String, String, bool)>) -> Settings {
    let number = |limit: Option<i32>| limit.map(|limit| limit.to_string()).unwrap_or_default();
    let origins = of.origins.iter().flatten().map(WebOrigin::as_str);
    Settings {
        workspaces,
        is_on: of.enabled,
        is_query: of.mode == ChatMode::Query,
        is_anywhere: of.origins.is_none(),
        origins: origins.collect::<Vec<_>>().join("\n"),
        allows_model: of.allows_model,
        allows_temperature: of.allows_temperature,
        allows_prompt: of.allows_prompt,
        day_limit: number(of.day_limit),
        session_limit: number(of.session_limit),
        history: number(of.history),
    }
}

pub async fn create(current_user: CurrentUser<role::Admin>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let workspace = current_user.workspace(form.text("workspace")).await?;
    let settings = form::settings(&form, workspace.id)?;
    let made = current_user.ports().widgets.create(settings, &current_user.by()).await?;
    Ok(response::done(&format!("{PATH}/{}", made.key), "created"))
}

pub async fn one(current_user: CurrentUser<role::Admin>, key: Path<String>) -> PageResult {
    let widget = current_user.ports().widgets.find(&key).await?;
    let known = current_user.workspaces().await?;
    let chosen = widget.settings.workspace;
    let workspace = known.iter().find(|one| one.id == chosen);
    let workspace = workspace.map(|one| one.settings.name.clone()).unwrap_or_default();
    let known = known.into_iter();
    let known = known.map(|one| (one.slug.to_string(), one.settings.name, one.id == chosen));
    let (base, key) = (base(&current_user.request), widget.key.to_string());
    let page = WidgetPage {
        layout: current_user.admin_layout(t("widgets.title")).await?,
        snippet: format!(
            "<script src=\"{base}/embed/carrel-widget.js\" data-embed-id=\"{key}\" defer></script>"
        ),
        settings: settings(&widget.settings, known.collect()),
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
    Ok(response::done(&format!("{PATH}/{}", widget.key), "saved"))
}

pub async fn delete(current_user: CurrentUser<role::Admin>, key: Path<String>) -> PageResult {
    let widgets = &current_user.ports().widgets;
    let widget = widgets.find(&key).await?;
    widgets.delete(&widget, &current_user.by()).await?;
    Ok(response::done(PATH, "deleted"))
}
