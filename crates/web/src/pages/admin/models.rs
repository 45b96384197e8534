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
use fields::{ChosenProvider, NativeModel, SettingField};
use probe::Probe;
pub use probe::{names, status, test};

/// A selection: its name in addresses, the kind of its values, and its setting.
struct Kind {
    name: &'static str,
    values: &'static str,
    capability: Capability,
    variable: &'static str,
    title: &'static str,
    words: &'static str,
    /// True if the page tests the connection of the current provider automatically.
    is_probed: bool,
}

const KINDS: [Kind; 7] = [
    Kind {
        name: "language",
        values: "llm",
        capability: Capability::LanguageModel,
        variable: "LLM_PROVIDER",
        title: "models.language",
        words: "models.language-words",
        is_probed: true,
    },
    Kind {
        name: "embedding",
        values: "embedding",
        capability: Capability::Embedding,
        variable: "EMBEDDING_ENGINE",
        title: "models.embedding",
        words: "models.embedding-words",
        is_probed: true,
    },
    Kind {
        name: "reranking",
        values: "rerank",
        capability: Capability::Reranking,
        variable: "RERANK_PROVIDER",
        title: "models.reranking",
        words: "models.reranking-words",
        is_probed: false,
    },
    Kind {
        name: "vectors",
        values: "vectors",
        capability: Capability::Vectors,
        variable: "VECTOR_DB",
        title: "models.vectors",
        words: "models.vectors-words",
        is_probed: true,
    },
    Kind {
        name: "images",
        values: "images",
        capability: Capability::Images,
        variable: "IMAGE_GEN_PROVIDER",
        title: "models.images",
        words: "models.images-words",
        is_probed: false,
    },
    Kind {
        name: "hearing",
        values: "stt",
        capability: Capability::SpeechToText,
        variable: "STT_PROVIDER",
        title: "models.hearing",
        words: "models.hearing-words",
        is_probed: false,
    },
    Kind {
        name: "speaking",
        values: "tts",
        capability: Capability::TextToSpeech,
        variable: "TTS_PROVIDER",
        title: "models.speaking",
        words: "models.speaking-words",
        is_probed: false,
    },
];

#[derive(Template)]
#[template(path = "admin/models.html")]
struct Models {
    layout: PageLayout,
    kind: &'static str,
    words: &'static str,
    selector: &'static str,
    chosen: String,
    /// The display name.
    name: &'static str,
    is_current: bool,
    /// True if the saved settings suffice to list the provider's models.
    is_ready: bool,
    is_probed: bool,
    is_fixed: bool,
    /// Value, name and whether it is selected, by group.
    choices: Vec<labels::ChoiceGroup>,
    /// Page where the provider issues API keys.
    key_page: Option<&'static str>,
    /// Built-in models, if the embedder runs inside this server.
    natives: Vec<NativeModel>,
    is_native_fixed: bool,
    fields: Vec<SettingField>,
    /// The optional settings of the provider.
    extras: Vec<SettingField>,
    problem: Option<String>,
    probe: Option<Probe>,
}

fn kind(name: &str) -> Result<&'static Kind, PageError> {
    let found = KINDS.iter().find(|kind| kind.name == name);
    found.ok_or_else(|| PageError::missing("kind of model", name))
}

pub async fn show(current_user: CurrentUser<role::Admin>, name: Path<String>) -> PageResult {
    let kind = kind(&name)?;
    let asked = Fields::of_query(&current_user.request).text_or_none("provider");
    page(&current_user, kind, asked, &Map::new(), None).await
}

/// Renders the page with submitted values, if any, and the result of a test.
async fn page(
    current_user: &CurrentUser<role::Admin>,
    kind: &Kind,
    asked: Option<String>,
    filled: &Map<String, Value>,
    probe: Option<Probe>,
) -> PageResult {
    let store = &current_user.ports().settings_store;
    let registry = store.registry();
    let selector = registry.by_variable(kind.variable);
    let selector = selector.ok_or_else(|| Error::internal("a setting is not in the table"))?;
    let current = store.lookup(kind.variable).unwrap_or_default();
    let chosen = asked.unwrap_or_else(|| current.clone());
    let fixed = store.fixed();
    // Values that this server does not support are hidden, except a selected one.
    let is_offered =
        |value: &str| value == chosen || store.unavailable_value(kind.variable, value).is_none();
    let values = registry.choices.of(kind.values).map(|of| of.value);
    let values = values.filter(|value| is_offered(value));
    let choices = labels::grouped(kind.values, values, &chosen, &current);
    let known = registry.choices.find(kind.values, &chosen).map(|choice| choice.value);
    let provider =
        ChosenProvider { values: kind.values, capability: kind.capability, name: &chosen };
    let of_provider = fields::of(store, provider, filled);
    let is_native = kind.name == "embedding" && matches!(chosen.as_str(), "" | "native");
    let page = Models {
        layout: current_user.admin_layout(t(kind.title)).await?,
        kind: kind.name,
        words: t(kind.words),
        selector: selector.name,
        name: known.map(labels::provider).unwrap_or_default(),
        is_current: chosen == current,
        is_ready: chosen == current
            || of_provider.first.iter().any(|one| one.is_secret && one.is_set),
        is_probed: kind.is_probed,
        is_fixed: fixed.contains(&selector.name),
        choices,
        key_page: labels::key_page(&chosen),
        natives: match is_native {
            true => fields::native_models(store.lookup("EMBEDDING_MODEL_PREF")),
            false => Vec::new(),
        },
        is_native_fixed: fixed.contains(&"EmbeddingModelPref"),
        fields: of_provider.first,
        extras: of_provider.extras,
        problem: store.unavailable(kind.variable),
        probe,
        chosen,
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
    Ok(response::done(&format!("/admin/models/{}", kind.name), "saved"))
}

/// Returns the submitted values. An empty secret does not change. Other fields that are now empty
/// are sent as empty, to be refused or cleared.
fn changes(store: &SettingsStore, form: &Fields) -> Map<String, Value> {
    let is_set = |name: &str| {
        let setting = store.registry().by_name(name).filter(|setting| !setting.secret);
        let value = setting.and_then(|setting| store.lookup(setting.variable));
        value.is_some_and(|value| !value.is_empty())
    };
    let written = |name: &str, value: &str| match store.registry().by_name(name) {
        Some(setting) => labels::completed(setting, value.trim()),
        None => value.trim().to_owned(),
    };
    form.pairs()
        .filter(|(name, value)| !value.trim().is_empty() || is_set(name))
        .map(|(name, value)| (name.to_owned(), Value::from(written(name, value))))
        .collect()
}
