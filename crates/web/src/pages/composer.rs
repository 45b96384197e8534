//! Options of a question: another model, and the documents to which it is limited.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::document_list::{DocumentQuery, DocumentScope};
use carrel_domain::model::ModelChoice;
use carrel_services::model_lists::ModelKind;
use carrel_services::workspaces;
use serde_json::Map;

use crate::http::form::{Fields, PageForm};
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::session::session_cookie;
use crate::view::filters;
use crate::view::model_row::{ModelNames, ModelRow};

/// Maximum number of documents in the list.
const MAX_TITLES: u32 = 8;

#[derive(Template)]
#[template(path = "part/model_picker.html")]
struct ModelPicker {
    slug: String,
    /// Address of the page that contains the picker.
    return_address: String,
    /// The default model.
    default_model: String,
    models: Vec<ModelRow>,
}

/// Lists the models of the workspace's provider. The list is empty if the provider has none or does
/// not answer.
pub async fn models(current_user: CurrentUser<role::Manager>, slug: Path<String>) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let ports = current_user.ports();
    let settings = &workspace.settings;
    let choice = ModelChoice {
        provider: settings.chat_provider.clone(),
        model: settings.chat_model.clone(),
    };
    let default_model =
        ports.models.chat(&choice).map(|model| model.name().model).unwrap_or_default();
    let list = ports.model_lists.list(ModelKind::Language, choice.provider, &Map::new()).await;
    let return_address = Fields::of_query(&current_user.request).text("back").to_owned();
    let page = ModelPicker {
        slug: workspace.slug.to_string(),
        return_address,
        default_model,
        models: ModelRow::from_list(list),
    };
    response::page(&current_user.request, &page)
}

/// The models of a provider, for the settings of the workspace; by default of the server's
/// provider.
pub async fn model_names(
    current_user: CurrentUser<role::Manager>,
    slug: Path<String>,
) -> PageResult {
    current_user.workspace(&slug).await?;
    let provider = Fields::of_query(&current_user.request).text_or_none("provider");
    let lists = &current_user.ports().model_lists;
    let list = lists.list(ModelKind::Language, provider, &Map::new()).await;
    response::page(&current_user.request, &ModelNames { models: ModelRow::from_list(list) })
}

/// Sets the model of the workspace, for all users.
pub async fn choose_model(
    current_user: CurrentUser<role::Manager>,
    slug: Path<String>,
    form: PageForm,
) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let form = form.read().await?;
    let (ports, current) = (current_user.ports(), &workspace.settings);
    let settings = carrel_domain::workspace::WorkspaceSettings {
        chat_model: form.text_or_none("model").or_else(|| current.chat_model.clone()),
        ..current.clone()
    };
    workspaces::check(&settings)?;
    workspaces::check_model(&*ports.models, Some(current), &settings)?;
    workspaces::update(&*ports.workspaces, &workspace, settings, &current_user.by()).await?;
    Ok(response::redirect_with_notice(session_cookie::safe_next(form.text("back")), "saved"))
}

#[derive(Template)]
#[template(path = "part/document_titles.html")]
struct DocumentTitles {
    /// Path and title of each document.
    documents: Vec<(String, String)>,
}

/// Lists documents of the workspace whose titles match the query, newest first.
pub async fn titles(current_user: CurrentUser<role::Any>, slug: Path<String>) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let title = Fields::of_query(&current_user.request).text("q").to_owned();
    let query = DocumentQuery { scope: DocumentScope::Workspace(workspace.id), title };
    let found = current_user.ports().document_list.list(&query, 0, MAX_TITLES).await?;
    let entry = |document: carrel_domain::document_list::DocumentSummary| {
        (document.path.to_string(), document.title)
    };
    let documents = found.items.into_iter().map(entry).collect();
    response::page(&current_user.request, &DocumentTitles { documents })
}
