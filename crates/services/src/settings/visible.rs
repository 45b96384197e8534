//! The visible settings: all except secrets, plus facts that are not settings.
use serde_json::{Map, Value, json};
use url::Url;

use super::registry::{Setting, Unset};
use super::store::{SettingsStore, Snapshot};
use super::update::{Leniency, MASK};

/// Facts listed along with the settings, provided by the caller.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Whether the server requires the owner's password.
    pub requires_auth: bool,
    /// The storage directory.
    pub storage_dir: String,
    /// Whether multi-user mode is on.
    pub multi_user_mode: bool,
    /// Whether any workspace contains a document.
    pub has_existing_embeddings: bool,
    /// Whether the embedding cache contains vectors.
    pub has_cached_embeddings: bool,
    /// Whether conversations are hidden from administrators.
    pub chat_history_hidden: bool,
    /// Whether workspaces cannot be deleted.
    pub workspaces_undeletable: bool,
    /// Whether another system can sign users in.
    pub simple_sso: bool,
    /// Whether users can sign in only through the other system.
    pub simple_sso_only: bool,
    /// The sign-in page of the other system.
    pub simple_sso_redirect: Option<String>,
}

/// A listed name, and a function of the facts and the current model that returns its value.
type Fact = (&'static str, fn(&Facts, Option<&str>) -> Value);

/// The facts listed before and after the settings. Features that carrel does not have are listed as
/// off, because clients look for them.
const LEADING_FACTS: &[Fact] = &[
    ("RequiresAuth", |facts, _| facts.requires_auth.into()),
    ("StorageDir", |facts, _| facts.storage_dir.as_str().into()),
    ("MultiUserMode", |facts, _| facts.multi_user_mode.into()),
    ("MemoryEnabled", |_, _| false.into()),
    ("MemoryAutoExtraction", |_, _| true.into()),
    ("HasExistingEmbeddings", |facts, _| facts.has_existing_embeddings.into()),
    ("HasCachedEmbeddings", |facts, _| facts.has_cached_embeddings.into()),
    ("LLMModel", |_, model| model.into()),
];
const TRAILING_FACTS: &[Fact] = &[
    // In the other product, the owner's password is a setting.
    ("AuthToken", |facts, _| facts.requires_auth.into()),
    ("DisableViewChatHistory", |facts, _| facts.chat_history_hidden.into()),
    ("WorkspaceDeletionProtection", |facts, _| facts.workspaces_undeletable.into()),
    ("SimpleSSOEnabled", |facts, _| facts.simple_sso.into()),
    ("SimpleSSONoLogin", |facts, _| facts.simple_sso_only.into()),
    ("SimpleSSONoLoginRedirect", |facts, _| json!(facts.simple_sso_redirect)),
    ("AgentClarifyingQuestionsEnabled", |_, _| false.into()),
    ("AgentClarifyingQuestionsMaxPerTurn", |_, _| 3.into()),
];

/// Returns every setting by public name, and the facts. Secrets are shown only as set or not set.
///
/// Strict: only defined values, with numbers as JSON numbers. Lenient: as existing clients expect,
/// with nulls and with numbers as the texts they were set to.
pub fn visible_settings(
    store: &SettingsStore,
    facts: &Facts,
    leniency: Leniency,
) -> Map<String, Value> {
    let snapshot = store.snapshot();
    let provider = store.lookup_in(&snapshot, "LLM_PROVIDER").unwrap_or_default();
    let provider = store.registry().choices.find("llm", &provider);
    let model = provider.and_then(|provider| provider.model);
    let model = model.and_then(|variable| store.lookup_in(&snapshot, variable));
    let fact = |(name, value): &Fact| (*name, value(facts, model.as_deref()));
    let setting = |row: &Setting| Some((row.name, visible_value(store, &snapshot, row, leniency)?));
    let all = LEADING_FACTS.iter().map(fact);
    let all = all.chain(store.registry().settings().iter().filter_map(setting));
    let all = all.chain(TRAILING_FACTS.iter().map(fact));
    let all = all.filter(|(_, value)| leniency == Leniency::Lenient || !value.is_null());
    all.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Returns the shown value of a setting, or `None` if it is not listed.
fn visible_value(
    store: &SettingsStore,
    snapshot: &Snapshot,
    row: &Setting,
    leniency: Leniency,
) -> Option<Value> {
    let value = store.explicit_value(snapshot, row.variable);
    if row.secret {
        return Some(match (value, row.unset) {
            (Some(_), _) => true.into(),
            (None, Unset::Null) if leniency == Leniency::Lenient => Value::Null,
            (None, _) => false.into(),
        });
    }
    let Some(text) = value else {
        return match row.unset {
            Unset::Omitted => None,
            Unset::As(variable) => {
                store.explicit_value(snapshot, variable).map(|text| display(text).into())
            }
            Unset::Null => Some(Value::Null),
            Unset::False => Some(false.into()),
            Unset::Text(text) => Some(text.into()),
            Unset::Number(number) => Some(number.into()),
            Unset::Flag(flag) => Some(flag.into()),
        };
    };
    let parsed_value = match row.unset {
        Unset::Flag(_) => text.parse::<bool>().ok().map(Value::from),
        Unset::Number(_) if leniency == Leniency::Strict => {
            text.trim().parse::<i64>().ok().map(Value::from)
        }
        _ => None,
    };
    Some(parsed_value.unwrap_or_else(|| display(text).into()))
}

/// Returns the form in which a response repeats the sent `value`.
pub(super) fn echo(setting: &Setting, value: &Value, text: &str) -> Value {
    match without_password(text) {
        _ if setting.secret && !text.is_empty() => MASK.into(),
        Some(masked) => masked.into(),
        None => value.clone(),
    }
}

fn display(text: &str) -> String {
    without_password(text).unwrap_or_else(|| text.to_owned())
}

/// Returns an address with its password masked, or `None` if it contains none.
pub(super) fn without_password(text: &str) -> Option<String> {
    // Most values are not URLs, so check before parsing.
    if !text.contains("://") || !text.contains('@') {
        return None;
    }
    let mut url = Url::parse(text).ok()?;
    url.password()?;
    url.set_password(Some(MASK)).ok()?;
    Some(url.into())
}
