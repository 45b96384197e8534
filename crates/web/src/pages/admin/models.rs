//! Selection and test of the language model, the embedder, the vector database and the image
//! provider.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::Error;
use carrel_services::connection_test;
use carrel_services::model_lists::ModelKind;
use carrel_services::settings::registry::{Capability, Setting};
use carrel_services::settings::{Leniency, SettingsStore};
use serde_json::{Map, Value, json};

use super::labels;
use crate::http::form::{Fields, PageForm};
use crate::http::middleware::is_fragment;
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::PageLayout;
use crate::view::texts::t;

/// A selection: its name in addresses, the kind of its values, and its setting.
struct Kind {
    name: &'static str,
    values: &'static str,
    capability: Capability,
    variable: &'static str,
    title: &'static str,
    words: &'static str,
}

const KINDS: [Kind; 6] = [
    Kind {
        name: "language",
        values: "llm",
        capability: Capability::LanguageModel,
        variable: "LLM_PROVIDER",
        title: "models.language",
        words: "models.language-words",
    },
    Kind {
        name: "embedding",
        values: "embedding",
        capability: Capability::Embedding,
        variable: "EMBEDDING_ENGINE",
        title: "models.embedding",
        words: "models.embedding-words",
    },
    Kind {
        name: "vectors",
        values: "vectors",
        capability: Capability::Vectors,
        variable: "VECTOR_DB",
        title: "models.vectors",
        words: "models.vectors-words",
    },
    Kind {
        name: "images",
        values: "images",
        capability: Capability::Images,
        variable: "IMAGE_GEN_PROVIDER",
        title: "models.images",
        words: "models.images-words",
    },
    Kind {
        name: "hearing",
        values: "stt",
        capability: Capability::SpeechToText,
        variable: "STT_PROVIDER",
        title: "models.hearing",
        words: "models.hearing-words",
    },
    Kind {
        name: "speaking",
        values: "tts",
        capability: Capability::TextToSpeech,
        variable: "TTS_PROVIDER",
        title: "models.speaking",
        words: "models.speaking-words",
    },
];

/// A setting that the selected provider needs.
struct Field {
    /// Name in the API.
    name: &'static str,
    label: String,
    hint: Option<&'static str>,
    value: String,
    is_secret: bool,
    is_set: bool,
    is_fixed: bool,
    /// True if it names a model. The provider may have a list of models.
    names_model: bool,
}

/// The model names that a field suggests.
#[derive(Template)]
#[template(path = "part/model_names.html")]
struct ModelNames {
    names: Vec<String>,
}

/// Models that run inside this server, the default of new installations first.
const NATIVE: [(&str, &str); 4] = [
    ("multilingual-e5-small", "models.native-multilingual"),
    ("all-MiniLM-L6-v2", "models.native-fastest"),
    ("bge-small-en-v1.5", "models.native-exact"),
    ("nomic-embed-text-v1.5", "models.native-long"),
];

/// A selectable model that runs inside this server.
struct NativeModel {
    value: String,
    words: &'static str,
    is_chosen: bool,
}

/// Returns nothing if another service embeds. A custom model, or one with another name, comes
/// first.
fn native_models(kind: &Kind, engine: &str, chosen: Option<String>) -> Vec<NativeModel> {
    if kind.name != "embedding" || !matches!(engine, "" | "native") {
        return Vec::new();
    }
    let chosen = chosen.unwrap_or_default();
    let usual = if chosen.is_empty() { "all-MiniLM-L6-v2" } else { &chosen };
    let named = |name: &str| usual == name || usual.rsplit('/').next() == Some(name);
    let known = NATIVE.iter().map(|(name, words)| {
        let (value, words, is_chosen) = ((*name).to_owned(), t(words), named(name));
        NativeModel { value, words, is_chosen }
    });
    let own = NATIVE.iter().all(|(name, _)| !named(name));
    let own = own.then(|| NativeModel { value: chosen.clone(), words: "", is_chosen: true });
    own.into_iter().chain(known).collect()
}

#[derive(Template)]
#[template(path = "admin/models.html")]
struct Models {
    layout: PageLayout,
    kind: &'static str,
    words: &'static str,
    selector: &'static str,
    chosen: String,
    is_current: bool,
    is_fixed: bool,
    /// Value, name and whether it is selected, by group.
    choices: Vec<labels::ChoiceGroup>,
    /// Page where the provider issues API keys.
    key_page: Option<&'static str>,
    /// Built-in models, if the embedder runs inside this server.
    natives: Vec<NativeModel>,
    is_native_fixed: bool,
    fields: Vec<Field>,
    /// Optional settings of the provider.
    extras: Vec<Field>,
    problem: Option<String>,
    probe: Option<Probe>,
}

fn kind(name: &str) -> Result<&'static Kind, PageError> {
    let found = KINDS.iter().find(|kind| kind.name == name);
    found.ok_or_else(|| PageError::missing("kind of model", name))
}

pub async fn show(current_user: CurrentUser<role::Admin>, name: Path<String>) -> PageResult {
    let kind = kind(&name)?;
    let asked = Fields::of_query(&current_user.request).given("provider");
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
    let known = registry.choices.find(kind.values, &chosen);
    let needs = known.map(|choice| choice.needs.clone()).unwrap_or_default();
    let model = known.and_then(|choice| choice.model);
    let fixed = store.fixed();
    let field = |setting: &Setting| {
        let value = store.lookup(setting.variable).filter(|value| !value.is_empty());
        let typed = filled.get(setting.name).and_then(Value::as_str).map(str::to_owned);
        Field {
            name: setting.name,
            label: labels::of(setting),
            hint: labels::hint(setting, &chosen),
            is_set: value.is_some(),
            value: typed.or(value).filter(|_| !setting.secret).unwrap_or_default(),
            is_secret: setting.secret,
            is_fixed: fixed.contains(&setting.name),
            names_model: model == Some(setting.variable),
        }
    };
    // The last of several names for one variable is the one without a provider's name.
    let named =
        |variable: &&str| registry.settings().iter().rfind(|setting| setting.variable == *variable);
    let fields = needs.iter().filter_map(named).map(field);
    let extras = registry.optional_for(kind.values, kind.capability, &chosen);
    // Nothing is selected until a user does so.
    let is_offered =
        |value: &str| value == chosen || store.unavailable_value(kind.variable, value).is_none();
    let values = registry.choices.of(kind.values).map(|of| of.value);
    let choices = labels::grouped(kind.values, values.filter(|value| is_offered(value)), &chosen);
    // Most providers need a key, even if it is formally optional.
    let (keys, extras): (Vec<_>, Vec<_>) = extras.into_iter().partition(|setting| setting.secret);
    let fields = fields.chain(keys.into_iter().map(field));
    let page = Models {
        layout: current_user.admin_frame(t(kind.title)).await?,
        kind: kind.name,
        words: t(kind.words),
        selector: selector.name,
        is_current: chosen == current,
        is_fixed: fixed.contains(&selector.name),
        choices,
        key_page: labels::key_page(&chosen),
        natives: native_models(kind, &chosen, store.lookup("EMBEDDING_MODEL_PREF")),
        is_native_fixed: fixed.contains(&"EmbeddingModelPref"),
        fields: fields.collect(),
        extras: extras.into_iter().map(field).collect(),
        problem: store.unavailable(kind.variable),
        probe,
        chosen,
    };
    response::page(&current_user.request, &page)
}

/// Returns the names of the provider's models for a field to suggest; empty if the provider has no
/// list or does not answer.
pub async fn names(current_user: CurrentUser<role::Admin>, name: Path<String>) -> PageResult {
    let kind = match kind(&name)?.name {
        "language" => ModelKind::Language,
        "embedding" => ModelKind::Embedding,
        _ => return response::page(&current_user.request, &ModelNames { names: Vec::new() }),
    };
    let provider = Fields::of_query(&current_user.request).given("provider");
    let listed = current_user.ports().model_lists.list(kind, provider, &Map::new()).await;
    let models = listed.map(|offered| offered.models).unwrap_or_else(|error| {
        tracing::debug!(%error, "failed to list the models of a provider");
        Vec::new()
    });
    let names = models.into_iter().map(|model| model.id).collect();
    response::page(&current_user.request, &ModelNames { names })
}

/// Saves all submitted values, or none.
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

#[derive(Template)]
#[template(path = "part/probe.html")]
struct Probe {
    words: String,
    is_good: bool,
}

/// Tests the submitted values, even before they are saved, and reports the result.
pub async fn test(
    current_user: CurrentUser<role::Admin>,
    name: Path<String>,
    form: PageForm,
) -> PageResult {
    let kind = kind(&name)?;
    let store = &current_user.ports().settings_store;
    let filled = changes(store, &form.read().await?);
    let probe = match tried(&current_user, kind, &filled).await {
        Ok(words) => Probe { words, is_good: true },
        Err(error) => Probe { words: PageError::from(error).to_string(), is_good: false },
    };
    if is_fragment(current_user.request.headers()) {
        return response::page(&current_user.request, &probe);
    }
    let chosen = store.registry().by_variable(kind.variable);
    let chosen = chosen.and_then(|selector| filled.get(selector.name)?.as_str().map(str::to_owned));
    page(&current_user, kind, chosen, &filled, Some(probe)).await
}

async fn tried(
    current_user: &CurrentUser<role::Admin>,
    kind: &Kind,
    filled: &Map<String, Value>,
) -> Result<String, Error> {
    let ports = current_user.ports();
    let preview = ports.settings_store.preview(filled)?;
    let lookup = |variable: &str| preview.lookup(variable);
    let selected = kind.variable;
    let details = json!({ "kind": kind.name, "provider": lookup(selected) }).to_string();
    ports.audit.add(current_user.by().event("connection_tested", details)).await?;
    let answered = match kind.name {
        "language" => {
            connection_test::language_model(ports.connection_test.language_model(&lookup)?).await?
        }
        "embedding" => {
            connection_test::embedder(ports.connection_test.embedding_model(&lookup)?).await?
        }
        "images" => {
            connection_test::image_model(ports.connection_test.image_model(&lookup)?).await?
        }
        "hearing" => {
            let model = ports.speech_connection_test.transcriber(&lookup)?;
            connection_test::transcriber(model).await?
        }
        "speaking" => {
            let model = ports.speech_connection_test.synthesizer(&lookup)?;
            connection_test::synthesizer(model).await?
        }
        _ => {
            let count = connection_test::index(ports.index_connection_test.index(&lookup)?).await?;
            return Ok(t("models.counted").replace("{count}", &count.to_string()));
        }
    };
    let words = match answered.dimensions {
        Some(_) => t("models.embedded"),
        None => t("models.answered"),
    };
    let dimensions = answered.dimensions.unwrap_or_default().to_string();
    let seconds = format!("{:.2}", answered.seconds);
    let words = words.replace("{model}", &answered.by).replace("{seconds}", &seconds);
    Ok(words.replace("{dimensions}", &dimensions))
}
