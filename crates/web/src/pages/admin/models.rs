//! Selects the language model, embedder, vector database and image provider: a gallery of
//! providers, and the settings of the selected one.
mod fields;
mod probe;

use actix_web::web::Path;
use askama::Template;
use carrel_domain::Error;
use carrel_services::settings::registry::Capability;
use carrel_services::settings::{Leniency, SettingsStore};
use serde_json::{Map, Value};

use super::labels;
use crate::http::form::{Fields, PageForm};
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::PageLayout;
use crate::view::texts::t;
use fields::{NativeModel, SelectedProvider, SettingField};
use probe::Probe;
pub use probe::{names, status, test};

/// A selection: its name in addresses, the kind of its values, and its setting.
struct Kind {
    name: &'static str,
    values: &'static str,
    capability: Capability,
    variable: &'static str,
    title: &'static str,
    description: &'static str,
    /// True if the page tests the connection of the current provider automatically.
    has_connection_test: bool,
}

const KINDS: [Kind; 7] = [
    Kind {
        name: "language",
        values: "llm",
        capability: Capability::LanguageModel,
        variable: "LLM_PROVIDER",
        title: "models.language",
        description: "models.language-words",
        has_connection_test: true,
    },
    Kind {
        name: "embedding",
        values: "embedding",
        capability: Capability::Embedding,
        variable: "EMBEDDING_ENGINE",
        title: "models.embedding",
        description: "models.embedding-words",
        has_connection_test: true,
    },
    Kind {
        name: "reranking",
        values: "rerank",
        capability: Capability::Reranking,
        variable: "RERANK_PROVIDER",
        title: "models.reranking",
        description: "models.reranking-words",
        has_connection_test: false,
    },
    Kind {
        name: "vectors",
        values: "vectors",
        capability: Capability::Vectors,
        variable: "VECTOR_DB",
        title: "models.vectors",
        description: "models.vectors-words",
        has_connection_test: true,
    },
    Kind {
        name: "images",
        values: "images",
        capability: Capability::Images,
        variable: "IMAGE_GEN_PROVIDER",
        title: "models.images",
        description: "models.images-words",
        has_connection_test: false,
    },
    Kind {
        name: "hearing",
        values: "stt",
        capability: Capability::SpeechToText,
        variable: "STT_PROVIDER",
        title: "models.hearing",
        description: "models.hearing-words",
        has_connection_test: false,
    },
    Kind {
        name: "speaking",
        values: "tts",
        capability: Capability::TextToSpeech,
        variable: "TTS_PROVIDER",
        title: "models.speaking",
        description: "models.speaking-words",
        has_connection_test: false,
    },
];

#[derive(Template)]
#[template(path = "admin/models.html")]
struct ModelsPage {
    layout: PageLayout,
    kind: &'static str,
    description: &'static str,
    selector: &'static str,
    selected_provider: String,
    /// The display name.
    name: &'static str,
    is_current: bool,
    /// True if the saved settings suffice to list the provider's models.
    is_ready: bool,
    has_connection_test: bool,
    is_fixed: bool,
    /// Value, name and whether it is selected, by group.
    choices: Vec<labels::ChoiceGroup>,
    /// Page where the provider issues API keys.
    key_page: Option<&'static str>,
    /// Built-in models, if the embedder runs inside this server.
    native_models: Vec<NativeModel>,
    is_native_fixed: bool,
    fields: Vec<SettingField>,
    /// The optional settings of the provider.
    optional_fields: Vec<SettingField>,
    problem: Option<String>,
    probe: Option<Probe>,
}

fn kind(name: &str) -> Result<&'static Kind, PageError> {
    let found = KINDS.iter().find(|kind| kind.name == name);
    found.ok_or_else(|| PageError::not_found("kind of model", name))
}

pub async fn show(current_user: CurrentUser<role::Admin>, name: Path<String>) -> PageResult {
    let kind = kind(&name)?;
    let provider = Fields::of_query(&current_user.request).text_or_none("provider");
    page(&current_user, kind, provider, &Map::new(), None).await
}

/// Renders the page with submitted values, if any, and the result of a test.
async fn page(
    current_user: &CurrentUser<role::Admin>,
    kind: &Kind,
    requested_provider: Option<String>,
    submitted_values: &Map<String, Value>,
    probe: Option<Probe>,
) -> PageResult {
    let store = &current_user.ports().settings_store;
    let registry = store.registry();
    let selector = registry.by_variable(kind.variable);
    let selector = selector.ok_or_else(|| Error::internal("a setting is not in the table"))?;
    let current = store.lookup(kind.variable).unwrap_or_default();
    let selected_provider = requested_provider.unwrap_or_else(|| current.clone());
    let fixed_names = store.fixed();
    // Values that this server does not support are hidden, except a selected one.
    let is_available = |value: &str| {
        value == selected_provider || store.unavailable_value(kind.variable, value).is_none()
    };
    let values = registry.choices.of(kind.values).map(|choice| choice.value);
    let values = values.filter(|value| is_available(value));
    let choices = labels::group_providers(kind.values, values, &selected_provider, &current);
    let choice = registry.choices.find(kind.values, &selected_provider).map(|choice| choice.value);
    let provider = SelectedProvider {
        values: kind.values,
        capability: kind.capability,
        name: &selected_provider,
    };
    let provider_fields = fields::provider_fields(store, provider, submitted_values);
    let is_native = kind.name == "embedding" && matches!(selected_provider.as_str(), "" | "native");
    let page = ModelsPage {
        layout: current_user.admin_layout(t(kind.title)).await?,
        kind: kind.name,
        description: t(kind.description),
        selector: selector.name,
        name: choice.map(labels::provider).unwrap_or_default(),
        is_current: selected_provider == current,
        is_ready: selected_provider == current
            || provider_fields.required.iter().any(|field| field.is_secret && field.is_set),
        has_connection_test: kind.has_connection_test,
        is_fixed: fixed_names.contains(&selector.name),
        choices,
        key_page: labels::key_page(&selected_provider),
        native_models: match is_native {
            true => fields::native_models(store.lookup("EMBEDDING_MODEL_PREF")),
            false => Vec::new(),
        },
        is_native_fixed: fixed_names.contains(&"EmbeddingModelPref"),
        fields: provider_fields.required,
        optional_fields: provider_fields.optional,
        problem: store.unavailable(kind.variable),
        probe,
        selected_provider,
    };
    response::page(&current_user.request, &page)
}

/// Saves the submitted settings, all or nothing. The page that follows tests the connection.
pub async fn save(
    current_user: CurrentUser<role::Admin>,
    name: Path<String>,
    form: PageForm,
) -> PageResult {
    let kind = kind(&name)?;
    let store = &current_user.ports().settings_store;
    let changes = changes(store, &form.read().await?);
    store.update(&changes, Leniency::Strict, &current_user.by()).await?;
    Ok(response::redirect_with_notice(&format!("/admin/models/{}", kind.name), "saved"))
}

/// Returns the submitted values. An empty secret does not change. Other fields that are now empty
/// are submitted as empty, to be rejected or cleared.
fn changes(store: &SettingsStore, form: &Fields) -> Map<String, Value> {
    let is_set = |name: &str| {
        let setting = store.registry().by_name(name).filter(|setting| !setting.secret);
        let value = setting.and_then(|setting| store.lookup(setting.variable));
        value.is_some_and(|value| !value.is_empty())
    };
    let normalize = |name: &str, value: &str| match store.registry().by_name(name) {
        Some(setting) => labels::complete_address(setting, value.trim()),
        None => value.trim().to_owned(),
    };
    form.pairs()
        .filter(|(name, value)| !value.trim().is_empty() || is_set(name))
        .map(|(name, value)| (name.to_owned(), Value::from(normalize(name, value))))
        .collect()
}
