//! A workspace's settings and members, and its deletion.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::Error;
use carrel_domain::UserId;
use carrel_domain::suggested_message::SuggestedMessage;
use carrel_domain::workspace::{ChatMode, SearchMode, Workspace, WorkspaceSettings};
use carrel_services::{members, workspaces};

use super::admin::labels::provider as provider_name;
use super::admin::variables::built_in_variables;
use super::home::parse_name;
use super::prompts;
use crate::http::form::{Fields, PageForm};
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::{PageLayout, Section, picture_address};
use crate::view::texts::{self, t};

/// One of several values.
struct Choice {
    value: String,
    label: &'static str,
    is_selected: bool,
}

#[derive(Template)]
#[template(path = "workspace_settings.html")]
struct WorkspaceSettingsPage {
    layout: PageLayout,
    slug: String,
    workspace: Workspace,
    temperature: String,
    prompt: String,
    refusal: String,
    model: String,
    modes: Vec<Choice>,
    search_modes: Vec<Choice>,
    providers: Vec<Choice>,
    suggestions: Vec<SuggestedMessage>,
    built_in: Vec<String>,
    variables: Vec<String>,
    has_earlier: bool,
    /// Address of the picture, and of the form that changes it.
    picture: Option<String>,
    picture_form: String,
}

pub async fn settings(current_user: CurrentUser<role::Manager>, slug: Path<String>) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let settings = workspace.settings.clone();
    let option = |group: &str, value: &str, current: &str| Choice {
        value: value.to_owned(),
        label: texts::find(&format!("{group}.{value}")).unwrap_or_default(),
        is_selected: value == current,
    };
    let mode = |value: ChatMode| option("mode", value.as_str(), settings.chat_mode.as_str());
    let search_mode =
        |value: SearchMode| option("search-mode", value.as_str(), settings.search_mode.as_str());
    let provider = settings.chat_provider.clone().unwrap_or_default();
    let providers = current_user.ports().settings_store.registry().choices.of("llm");
    let provider_choices = providers.map(|choice| Choice {
        value: choice.value.to_owned(),
        label: provider_name(choice.value),
        is_selected: choice.value == provider,
    });
    let slug = workspace.slug.to_string();
    let ports = current_user.ports();
    let suggestions = ports.suggested_messages.of(workspace.id).await?;
    let own_variables = ports.prompt_variables.list().await?.into_iter();
    let page = WorkspaceSettingsPage {
        suggestions: prompts::rows(suggestions),
        built_in: built_in_variables(),
        variables: own_variables
            .map(|variable| format!("{{{}}}", variable.name.as_str()))
            .collect(),
        has_earlier: !ports.prompt_history.of(workspace.id).await?.is_empty(),
        layout: current_user.layout_in(&settings.name, Section::Workspace, Some(&slug)).await?,
        slug,
        temperature: settings.temperature.map(|value| value.to_string()).unwrap_or_default(),
        prompt: settings.prompt.clone().unwrap_or_default(),
        refusal: settings.refusal.clone().unwrap_or_default(),
        model: settings.chat_model.clone().unwrap_or_default(),
        modes: [ChatMode::Chat, ChatMode::Query, ChatMode::Automatic].map(mode).into(),
        search_modes: SearchMode::ALL.map(search_mode).into(),
        providers: provider_choices.collect(),
        picture: picture_address(&workspace),
        picture_form: format!("/w/{}/picture", workspace.slug),
        workspace,
    };
    response::page(&current_user.request, &page)
}

pub async fn save(
    current_user: CurrentUser<role::Manager>,
    slug: Path<String>,
    form: PageForm,
) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let settings = apply_form(&form.read().await?, workspace.settings.clone())?;
    workspaces::check(&settings)?;
    let models = &*current_user.ports().models;
    workspaces::check_model(models, Some(&workspace.settings), &settings)
        .map_err(with_provider_field)?;
    workspaces::update(&*current_user.ports().workspaces, &workspace, settings, &current_user.by())
        .await?;
    Ok(response::redirect_with_notice(&format!("/w/{}/settings", workspace.slug), "saved"))
}

/// Moves an error about the model to the form field in which it is selected.
fn with_provider_field(error: Error) -> Error {
    match error {
        Error::Invalid { reason, .. } => Error::invalid("provider", reason),
        other => other,
    }
}

/// Applies the form to the settings. Fields that it lacks do not change.
fn apply_form(form: &Fields, current: WorkspaceSettings) -> Result<WorkspaceSettings, Error> {
    let required = |field| Error::invalid(field, "must be filled in");
    let mode = ChatMode::parse(form.text("mode"));
    let search = SearchMode::parse(form.text("search_mode"));
    Ok(WorkspaceSettings {
        name: parse_name(form.text("name"))?,
        temperature: form.number("temperature")?,
        history: form.number("history")?.ok_or_else(|| required("history"))?,
        prompt: form.text_or_none("prompt"),
        least_similarity: form
            .number("least_similarity")?
            .ok_or_else(|| required("least_similarity"))?,
        passages: form.number("passages")?.ok_or_else(|| required("passages"))?,
        chat_mode: mode.ok_or_else(|| required("mode"))?,
        search_mode: search.unwrap_or(current.search_mode),
        chat_provider: form.text_or_none("provider"),
        chat_model: form.text_or_none("model"),
        refusal: form.text_or_none("refusal"),
        ..current
    })
}

/// Deletes the workspace if its name was typed as confirmation.
pub async fn delete(
    current_user: CurrentUser<role::Manager>,
    slug: Path<String>,
    form: PageForm,
) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    if form.read().await?.text("name") != workspace.settings.name.trim() {
        return Err(Error::invalid("name", t("delete.mistyped")).into());
    }
    let (ports, slug) = (current_user.ports(), workspace.slug.as_str());
    workspaces::delete(&*ports.workspaces, &*ports.index, slug, &current_user.by()).await?;
    Ok(response::redirect_with_notice("/", "deleted"))
}

/// A member, or a user who may become one.
struct MemberRow {
    id: i32,
    name: String,
    role: &'static str,
    /// Only members are selected explicitly; admins and managers have access anyway.
    is_member: bool,
    has_full_access: bool,
}

#[derive(Template)]
#[template(path = "workspace_members.html")]
struct MembersPage {
    layout: PageLayout,
    slug: String,
    name: String,
    rows: Vec<MemberRow>,
}

pub async fn members(current_user: CurrentUser<role::Manager>, slug: Path<String>) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let members = current_user.ports().members.of(workspace.id).await?;
    let row = |user: carrel_domain::user::ListedUser| MemberRow {
        is_member: members.iter().any(|member| member.user == user.id),
        has_full_access: user.role != carrel_domain::user::Role::Default,
        role: role_name(user.role),
        id: user.id.0,
        name: user.username,
    };
    let rows = current_user.ports().users.list().await?.into_iter().map(row).collect();
    let (slug, name) = (workspace.slug.to_string(), workspace.settings.name);
    let layout = current_user.layout_in(&name, Section::Workspace, Some(&slug)).await?;
    response::page(&current_user.request, &MembersPage { layout, slug, name, rows })
}

/// Returns the display name of a role.
pub fn role_name(role: carrel_domain::user::Role) -> &'static str {
    texts::find(&format!("role.{}", role.as_str())).unwrap_or_default()
}

pub async fn save_members(
    current_user: CurrentUser<role::Manager>,
    slug: Path<String>,
    form: PageForm,
) -> Result<actix_web::HttpResponse, PageError> {
    let workspace = current_user.workspace(&slug).await?;
    let form = form.read().await?;
    form.check_fields(&[], &["user"])?;
    let users = form.parsed("user", |id| id.parse().ok().map(UserId))?;
    let port = &*current_user.ports().members;
    members::manage(port, workspace.id, &users, true, &current_user.by()).await?;
    Ok(response::redirect_with_notice(&format!("/w/{}/members", workspace.slug), "saved"))
}
