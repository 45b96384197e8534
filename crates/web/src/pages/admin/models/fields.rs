//! The settings of a provider on its page: a few fields first, the others on demand.
use carrel_services::settings::SettingsStore;
use carrel_services::settings::registry::{Capability, Setting};
use serde_json::{Map, Value};

use super::super::labels;
use crate::view::texts::t;

/// A required or optional setting of the chosen provider.
pub struct SettingField {
    /// Name in the API.
    pub name: &'static str,
    pub label: String,
    pub hint: Option<&'static str>,
    pub example: &'static str,
    pub value: String,
    pub is_secret: bool,
    pub is_set: bool,
    pub is_fixed: bool,
    /// True if it names a model. The provider may have a list of models.
    pub names_model: bool,
    /// True if the list of models depends on this value.
    pub tells_models: bool,
}

pub struct ProviderFields {
    /// The required settings of the provider, and its key.
    pub first: Vec<SettingField>,
    /// The optional settings of the provider.
    pub extras: Vec<SettingField>,
}

/// A provider and its kind, by their names in the tables of settings.
#[derive(Clone, Copy)]
pub struct ChosenProvider<'a> {
    pub values: &'static str,
    pub capability: Capability,
    pub name: &'a str,
}

/// Returns the fields of a provider, with the submitted values, if any.
pub fn of(
    store: &SettingsStore,
    of: ChosenProvider<'_>,
    filled: &Map<String, Value>,
) -> ProviderFields {
    let registry = store.registry();
    let known = registry.choices.find(of.values, of.name);
    let needs = known.map(|choice| choice.required.clone()).unwrap_or_default();
    let model = known.and_then(|choice| choice.model);
    let fixed = store.fixed();
    let field = |setting: &Setting| {
        let value = store.lookup(setting.variable).filter(|value| !value.is_empty());
        let typed = filled.get(setting.name).and_then(Value::as_str).map(str::to_owned);
        let names_model = model == Some(setting.variable);
        SettingField {
            name: setting.name,
            label: labels::of(setting),
            hint: labels::hint(setting, of.name),
            example: labels::example(of.values, setting, of.name),
            is_set: value.is_some(),
            value: typed.or(value).filter(|_| !setting.secret).unwrap_or_default(),
            is_secret: setting.secret,
            is_fixed: fixed.contains(&setting.name),
            names_model,
            tells_models: !names_model && labels::rank(setting) < labels::MODEL,
        }
    };
    // If a variable has several settings, the last one names no provider.
    let named =
        |variable: &&str| registry.settings().iter().rfind(|setting| setting.variable == *variable);
    let extras = registry.optional_for(of.values, of.capability, of.name);
    // Keys are shown first even if they are optional, because few providers work without one.
    let (keys, extras): (Vec<_>, Vec<_>) = extras.into_iter().partition(|setting| setting.secret);
    let mut first: Vec<_> = needs.iter().filter_map(named).chain(keys).collect();
    // Address and key come first, because listing the models needs them.
    first.sort_by_key(|setting| labels::rank(setting));
    ProviderFields {
        first: first.into_iter().map(field).collect(),
        extras: extras.into_iter().map(field).collect(),
    }
}

/// Models that run inside this server, the default of new installations first.
const NATIVE: [(&str, &str); 4] = [
    ("multilingual-e5-small", "models.native-multilingual"),
    ("all-MiniLM-L6-v2", "models.native-fastest"),
    ("bge-small-en-v1.5", "models.native-exact"),
    ("nomic-embed-text-v1.5", "models.native-long"),
];

/// A model that runs inside this server, as a choice.
pub struct NativeModel {
    pub value: String,
    pub words: &'static str,
    pub is_chosen: bool,
}

/// Returns the embedders inside this server. A chosen model that is not in the table comes first.
pub fn native_models(chosen: Option<String>) -> Vec<NativeModel> {
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
