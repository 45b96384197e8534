//! The settings of a provider on its page: a few fields first, the others on request.
use carrel_services::settings::SettingsStore;
use carrel_services::settings::registry::{Capability, Setting};
use serde_json::{Map, Value};

use super::super::labels;
use crate::view::texts::t;

/// A required or optional setting of the selected provider.
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
    pub is_model_name: bool,
    /// True if the list of models depends on this value.
    pub is_needed_for_models: bool,
}

pub struct ProviderFields {
    /// The required settings of the provider, and its key.
    pub required: Vec<SettingField>,
    /// The optional settings of the provider.
    pub optional: Vec<SettingField>,
}

/// A provider and its kind, by their names in the tables of settings.
#[derive(Clone, Copy)]
pub struct SelectedProvider<'a> {
    pub values: &'static str,
    pub capability: Capability,
    pub name: &'a str,
}

/// Returns the fields of a provider, with the submitted values, if any.
pub fn provider_fields(
    store: &SettingsStore,
    provider: SelectedProvider<'_>,
    submitted_values: &Map<String, Value>,
) -> ProviderFields {
    let registry = store.registry();
    let choice = registry.choices.find(provider.values, provider.name);
    let required = choice.map(|choice| choice.required.clone()).unwrap_or_default();
    let model = choice.and_then(|choice| choice.model);
    let fixed_names = store.fixed();
    let field = |setting: &Setting| {
        let value = store.lookup(setting.variable).filter(|value| !value.is_empty());
        let input = submitted_values.get(setting.name).and_then(Value::as_str).map(str::to_owned);
        let is_model_name = model == Some(setting.variable);
        SettingField {
            name: setting.name,
            label: labels::label(setting),
            hint: labels::hint(setting, provider.name),
            example: labels::example(provider.values, setting, provider.name),
            is_set: value.is_some(),
            value: input.or(value).filter(|_| !setting.secret).unwrap_or_default(),
            is_secret: setting.secret,
            is_fixed: fixed_names.contains(&setting.name),
            is_model_name,
            is_needed_for_models: !is_model_name && labels::rank(setting) < labels::MODEL,
        }
    };
    // If a variable has several settings, the last one names no provider.
    let setting_for =
        |variable: &&str| registry.settings().iter().rfind(|setting| setting.variable == *variable);
    let extras = registry.optional_for(provider.values, provider.capability, provider.name);
    // Keys are shown first even if they are optional, because few providers work without one.
    let (keys, extras): (Vec<_>, Vec<_>) = extras.into_iter().partition(|setting| setting.secret);
    let mut required: Vec<_> = required.iter().filter_map(setting_for).chain(keys).collect();
    // Address and key come first, because listing the models needs them.
    required.sort_by_key(|setting| labels::rank(setting));
    ProviderFields {
        required: required.into_iter().map(field).collect(),
        optional: extras.into_iter().map(field).collect(),
    }
}

/// Models that run inside this server, the default of new installations first.
const NATIVE_MODELS: [(&str, &str); 4] = [
    ("multilingual-e5-small", "models.native-multilingual"),
    ("all-MiniLM-L6-v2", "models.native-fastest"),
    ("bge-small-en-v1.5", "models.native-exact"),
    ("nomic-embed-text-v1.5", "models.native-long"),
];

/// A model that runs inside this server, as a choice.
pub struct NativeModel {
    pub value: String,
    pub description: &'static str,
    pub is_selected: bool,
}

/// Returns the embedders inside this server. A selected model that is not in the table comes first.
pub fn native_models(selected_model: Option<String>) -> Vec<NativeModel> {
    let selected_model = selected_model.unwrap_or_default();
    let effective = if selected_model.is_empty() { "all-MiniLM-L6-v2" } else { &selected_model };
    let is_effective = |name: &str| effective == name || effective.rsplit('/').next() == Some(name);
    let models = NATIVE_MODELS.iter().map(|(name, description)| {
        let (value, description, is_selected) =
            ((*name).to_owned(), t(description), is_effective(name));
        NativeModel { value, description, is_selected }
    });
    let is_custom = NATIVE_MODELS.iter().all(|(name, _)| !is_effective(name));
    let custom = is_custom.then(|| NativeModel {
        value: selected_model.clone(),
        description: "",
        is_selected: true,
    });
    custom.into_iter().chain(models).collect()
}
