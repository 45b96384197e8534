//! A workspace's settings and members, and its deletion.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::Error;
use carrel_domain::UserId;
use carrel_domain::suggested_message::SuggestedMessage;
use carrel_domain::workspace::{ChatMode, SearchMode, Workspace, WorkspaceSettings};
use carrel_services::{members, workspaces};

use super::admin::labels::provider as provider_name;
use super::admin::variables::built_in;
use super::home::name;
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
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "workspace_settings.html")]
struct Settings {
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
    to: String,
}

pub async fn settings(current_user: CurrentUser<role::Manager>, slug: Path<String>) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let chosen = workspace.settings.clone();
    let option = |group: &str, value: &str, now: &str| Choice {
        value: value.to_owned(),
        label: texts::find(&format!("{group}.{value}")).unwrap_or_default(),
        is_chosen: value == now,
    };
    let mode = |value: ChatMode| option("mode", value.as_str(), chosen.chat_mode.as_str());
    let search =
        |value: SearchMode| option("search-mode", value.as_str(), chosen.search_mode.as_str());
    let provider = chosen.chat_provider.clone().unwrap_or_default();
    let known = current_user.ports().settings_store.registry().choices.of("llm");
    let known = known.map(|known| Choice {
        value: known.value.to_owned(),
        label: provider_name(known.value),
        is_chosen: known.value == provider,
    });
    let slug = workspace.slug.to_string();
    let ports = current_user.ports();
    let suggestions = ports.suggested_messages.of(workspace.id).await?;
    let own = ports.prompt_variables.list().await?.into_iter();
    let page = Settings {
        suggestions: prompts::rows(suggestions),
        built_in: built_in(),
        variables: own.map(|own| format!("{{{}}}", own.name.as_str())).collect(),
        has_earlier: !ports.prompt_history.of(workspace.id).await?.is_empty(),
        layout: current_user.layout_in(&chosen.name, Section::Workspace, Some(&slug)).await?,
        slug,
        temperature: chosen.temperature.map(|value| value.to_string()).unwrap_or_default(),
        prompt: chosen.prompt.clone().unwrap_or_default(),
        refusal: chosen.refusal.clone().unwrap_or_default(),
        model: chosen.chat_model.clone().unwrap_or_default(),
        modes: [ChatMode::Chat, ChatMode::Query, ChatMode::Automatic].map(mode).into(),
        search_modes: SearchMode::ALL.map(search).into(),
        providers: known.collect(),
        picture: picture_address(&workspace),
        to: format!("/w/{}/picture", workspace.slug),
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
    let settings = changed(&form.read().await?, workspace.settings.clone())?;
    workspaces::check(&settings)?;
    let models = &*current_user.ports().models;
    workspaces::check_model(models, Some(&workspace.settings), &settings).map_err(at_provider)?;
    workspaces::update(&*current_user.ports().workspaces, &workspace, settings, &current_user.by())
        .await?;
    Ok(response::done(&format!("/w/{}/settings", workspace.slug), "saved"))
}

/// Moves an error about the model to the form field in which it is selected.
fn at_provider(error: Error) -> Error {
    match error {
        Error::Invalid { reason, .. } => Error::invalid("provider", reason),
        other => other,
    }
}

/// Applies the form to the settings. Fields that it lacks do not change.
fn changed(form: &Fields, before: WorkspaceSettings) -> Result<WorkspaceSettings, Error> {
    let needed = |field| Error::invalid(field, "must be filled in");
    let mode = ChatMode::parse(form.text("mode"));
    let search = SearchMode::parse(form.text("search_mode"));
    Ok(WorkspaceSettings {
        name: name(form.text("name"))?,
        temperature: form.number("temperature")?,
        history: form.number("history")?.ok_or_else(|| needed("history"))?,
        prompt: form.text_or_none("prompt"),
        least_similarity: form
            .number("least_similarity")?
            .ok_or_else(|| needed("least_similarity"))?,
        passages: form.number("passages")?.ok_or_else(|| needed("passages"))?,
        chat_mode: mode.ok_or_else(|| needed("mode"))?,
        search_mode: search.unwrap_or(before.search_mode),
        chat_provider: form.text_or_none("provider"),
        chat_model: form.text_or_none("model"),
        refusal: form.text_or_none("refusal"),
        ..before
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
    Ok(response::done("/", "deleted"))
}

/// A member, or a user who may become one.
struct Person {
    id: i32,
    name: String,
    role: &'static str,
    /// Only members are selected explicitly; admins and managers have access anyway.
    is_member: bool,
    enters_anyway: bool,
}

#[derive(Template)]
#[template(path = "workspace_members.html")]
struct Members {
    layout: PageLayout,
    slug: String,
    name: String,
    people: Vec<Person>,
}

pub async fn members(current_user: CurrentUser<role::Manager>, slug: Path<String>) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let there = current_user.ports().members.of(workspace.id).await?;
    let person = |user: carrel_domain::user::ListedUser| Person {
        is_member: there.iter().any(|member| member.user == user.id),
        enters_anyway: user.role != carrel_domain::user::Role::Default,
        role: role(user.role),
        id: user.id.0,
        name: user.username,
    };
    let people = current_user.ports().users.list().await?.into_iter().map(person).collect();
    let (slug, name) = (workspace.slug.to_string(), workspace.settings.name);
    let layout = current_user.layout_in(&name, Section::Workspace, Some(&slug)).await?;
    response::page(&current_user.request, &Members { layout, slug, name, people })
}

/// Returns the display name of a role.
pub fn role(role: carrel_domain::user::Role) -> &'static str {
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
    let known = &*current_user.ports().members;
    members::manage(known, workspace.id, &users, true, &current_user.by()).await?;
    Ok(response::done(&format!("/w/{}/members", workspace.slug), "saved"))
}
