//! Display names of providers and their settings.
use carrel_services::settings::registry::Setting;

use crate::view::texts::{self, t};

/// A group of providers.
pub struct ChoiceGroup {
    pub title: &'static str,
    pub choices: Vec<ProviderChoice>,
}

pub struct ProviderChoice {
    pub value: &'static str,
    pub name: &'static str,
    /// True if the page displays its fields.
    pub is_selected: bool,
    /// True if the server uses it.
    pub is_current: bool,
    /// Initials shown in place of a logo.
    pub initials: String,
}

/// Providers whose models run on the operator's machines.
const LOCAL_PROVIDERS: [&str; 15] = [
    "kokoro",
    "ollama",
    "lmstudio",
    "localai",
    "koboldcpp",
    "textgenwebui",
    "nvidia-nim",
    "foundry",
    "docker-model-runner",
    "lemonade",
    "omlx",
    "litellm",
    "generic-openai",
    "tei",
    "generic",
];
/// Providers inside this server.
const BUILT_IN_PROVIDERS: [&str; 4] = ["extractive", "native", "lancedb", "piper_local"];
/// Databases that run on the operator's machines.
const LOCAL_DATABASES: [&str; 5] = ["chroma", "weaviate", "qdrant", "milvus", "pgvector"];

/// The pages where providers issue keys.
const KEY_PAGES: [(&str, &str); 22] = [
    ("openai", "https://platform.openai.com/api-keys"),
    ("anthropic", "https://console.anthropic.com/settings/keys"),
    ("gemini", "https://aistudio.google.com/apikey"),
    ("groq", "https://console.groq.com/keys"),
    ("mistral", "https://console.mistral.ai/api-keys"),
    ("deepseek", "https://platform.deepseek.com/api_keys"),
    ("xai", "https://console.x.ai"),
    ("openrouter", "https://openrouter.ai/settings/keys"),
    ("togetherai", "https://api.together.ai/settings/api-keys"),
    ("fireworksai", "https://fireworks.ai/account/api-keys"),
    ("perplexity", "https://www.perplexity.ai/settings/api"),
    ("cohere", "https://dashboard.cohere.com/api-keys"),
    ("jina", "https://jina.ai/api-dashboard/key-manager"),
    ("voyageai", "https://dashboard.voyageai.com"),
    ("cerebras", "https://cloud.cerebras.ai"),
    ("sambanova", "https://cloud.sambanova.ai/apis"),
    ("pinecone", "https://app.pinecone.io"),
    ("zilliz", "https://cloud.zilliz.com"),
    ("astra", "https://astra.datastax.com"),
    ("deepgram", "https://console.deepgram.com"),
    ("elevenlabs", "https://elevenlabs.io/app/settings/api-keys"),
    ("chromacloud", "https://www.trychroma.com"),
];

pub fn key_page(provider: &str) -> Option<&'static str> {
    KEY_PAGES.iter().find(|(name, _)| *name == provider).map(|(_, page)| *page)
}

/// Returns the display name of a provider, or its id if it has none.
pub fn provider(value: &'static str) -> &'static str {
    texts::find(&format!("provider.{value}")).unwrap_or(value)
}

/// Groups providers: built-in, local, and online services.
pub fn group_providers(
    kind: &str,
    values: impl Iterator<Item = &'static str>,
    selected_provider: &str,
    current: &str,
) -> Vec<ChoiceGroup> {
    let values: Vec<_> = values.collect();
    let is_database = kind == "vectors";
    let group = |value: &str| match value {
        value if BUILT_IN_PROVIDERS.contains(&value) => 0,
        value if is_database && LOCAL_DATABASES.contains(&value) => 1,
        value if !is_database && LOCAL_PROVIDERS.contains(&value) => 1,
        _ => 2,
    };
    let titles = [t("models.built-in"), t("models.local"), t("models.cloud")];
    let mut groups: Vec<ChoiceGroup> = Vec::new();
    for (number, title) in titles.into_iter().enumerate() {
        let providers = values.iter().copied().filter(|value| group(value) == number);
        let choice = |value: &'static str| ProviderChoice {
            value,
            name: provider(value),
            is_selected: value == selected_provider,
            is_current: value == current,
            initials: initials(provider(value)),
        };
        let choices: Vec<_> = providers.map(choice).collect();
        if !choices.is_empty() {
            groups.push(ChoiceGroup { title, choices });
        }
    }
    groups
}

/// Returns the first letters of up to two words.
fn initials(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_alphanumeric());
    words.filter_map(|word| word.chars().next()).take(2).collect()
}

/// Placeholders of fields: the kind of provider, the subject of the setting, the provider.
const EXAMPLES: [(&str, &str, &str, &str); 26] = [
    ("llm", "key", "openai", "sk-…"),
    ("embedding", "key", "openai", "sk-…"),
    ("images", "key", "openai", "sk-…"),
    ("llm", "key", "anthropic", "sk-ant-…"),
    ("llm", "key", "gemini", "AIza…"),
    ("llm", "key", "groq", "gsk_…"),
    ("llm", "key", "xai", "xai-…"),
    ("llm", "key", "openrouter", "sk-or-…"),
    ("vectors", "key", "pinecone", "pcsk_…"),
    ("llm", "model", "openai", "gpt-4.1-mini"),
    ("llm", "model", "anthropic", "claude-sonnet-4-5"),
    ("llm", "model", "gemini", "gemini-2.5-flash"),
    ("llm", "model", "groq", "llama-3.3-70b-versatile"),
    ("llm", "model", "mistral", "mistral-small-latest"),
    ("llm", "model", "deepseek", "deepseek-chat"),
    ("llm", "model", "xai", "grok-4"),
    ("llm", "model", "openrouter", "openai/gpt-4.1-mini"),
    ("llm", "model", "ollama", "llama3.1:8b"),
    ("embedding", "model", "openai", "text-embedding-3-small"),
    ("embedding", "model", "gemini", "gemini-embedding-001"),
    ("embedding", "model", "mistral", "mistral-embed"),
    ("embedding", "model", "cohere", "embed-v4.0"),
    ("embedding", "model", "voyageai", "voyage-3.5"),
    ("embedding", "model", "ollama", "nomic-embed-text"),
    ("images", "model", "openai", "gpt-image-1"),
    ("llm", "region", "bedrock", "eu-central-1"),
];

/// Returns an example value; empty if there is no common value.
pub fn example(kind: &str, setting: &Setting, provider: &str) -> &'static str {
    let Some(subject) = subject(setting) else { return "" };
    let is_match =
        |row: &&(&str, &str, &str, &str)| (row.0, row.1, row.2) == (kind, subject, provider);
    if let Some(row) = EXAMPLES.iter().find(is_match) {
        return row.3;
    }
    // Without a known default, an address shows the expected form.
    if subject == "address" { "http://127.0.0.1:8080" } else { "" }
}

/// The rank of the model among the fields of a provider.
pub const MODEL: usize = 2;

/// Returns the position of a setting among the fields of a provider: address, key, model, others.
pub fn rank(setting: &Setting) -> usize {
    match subject(setting) {
        Some("address" | "region" | "connection") => 0,
        Some("key") => 1,
        Some("model") => MODEL,
        _ if setting.secret => 1,
        _ => 3,
    }
}

/// Returns the subject of a setting, derived from the ending of its variable.
fn subject(setting: &Setting) -> Option<&'static str> {
    let has_ending =
        |endings: &[&str]| endings.iter().any(|ending| setting.variable.ends_with(ending));
    let subjects: [(&'static str, &[&str]); 11] = [
        ("voice", &["VOICE_MODEL"]),
        ("minutes", &["MINUTES_PER_DAY"]),
        ("address", &["BASE_PATH", "BASE_URL", "ENDPOINT", "ADDRESS"]),
        ("model", &["MODEL_PREF", "MODEL_PREFERENCE", "_MODEL"]),
        ("window", &["TOKEN_LIMIT"]),
        ("key", &["API_KEY", "_KEY", "AUTH_TOKEN", "API_TOKEN", "APPLICATION_TOKEN"]),
        ("longest", &["MAX_TOKENS"]),
        ("timeout", &["TIMEOUT_MS"]),
        ("region", &["REGION"]),
        ("connection", &["CONNECTION_STRING"]),
        ("batch", &["BATCH_SIZE"]),
    ];
    let found = subjects.into_iter().find(|(_, endings)| has_ending(endings));
    found.map(|(subject, _)| subject)
}

/// Returns the label of a setting.
pub fn label(setting: &Setting) -> String {
    let text = subject(setting).and_then(|subject| texts::find(&format!("field.{subject}")));
    text.map_or_else(|| readable_name(setting.variable), str::to_owned)
}

/// Returns a hint for people who have never set it.
pub fn hint(setting: &Setting, provider: &str) -> Option<&'static str> {
    let subject = subject(setting)?;
    let provider_hint = texts::find(&format!("field-hint.{subject}-{provider}"));
    provider_hint.or_else(|| texts::find(&format!("field-hint.{subject}")))
}

/// Returns the words of a variable's name.
fn readable_name(variable: &str) -> String {
    let words = variable.to_lowercase().replace('_', " ");
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// Completes an address without a scheme: `http` for this machine and its network, `https` for
/// other hosts.
pub fn complete_address(setting: &Setting, value: &str) -> String {
    if subject(setting) != Some("address") || value.is_empty() || value.contains("://") {
        return value.to_owned();
    }
    let host = value.split(['/', ':']).next().unwrap_or_default();
    let is_local = host.parse::<std::net::IpAddr>().is_ok()
        || value.starts_with('[')
        || !host.contains('.')
        || host.ends_with(".local");
    format!("{}://{value}", if is_local { "http" } else { "https" })
}

#[cfg(test)]
mod tests {
    use carrel_services::settings::registry::Registry;

    use super::*;

    #[test]
    fn every_provider_has_a_name_and_its_settings_have_labels() {
        let registry = Registry::new().unwrap();
        for kind in ["llm", "embedding", "rerank", "vectors", "images", "stt", "tts"] {
            for choice in registry.choices.of(kind) {
                let key = format!("provider.{}", choice.value);
                assert!(texts::find(&key).is_some(), "{key}");
                for variable in &choice.required {
                    let label = label(registry.by_variable(variable).unwrap());
                    assert!(
                        !label.contains('_') && !label.to_lowercase().contains("pref"),
                        "{label}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_address_without_a_scheme_gets_the_likely_one() {
        let registry = Registry::new().unwrap();
        let setting = registry.by_variable("GENERIC_OPEN_AI_BASE_PATH").unwrap();
        for (input, expected) in [
            ("127.0.0.1:19101", "http://127.0.0.1:19101"),
            ("localhost:11434/v1", "http://localhost:11434/v1"),
            ("api.example.com/v1", "https://api.example.com/v1"),
            ("https://api.example.com/v1", "https://api.example.com/v1"),
            ("", ""),
        ] {
            assert_eq!(complete_address(setting, input), expected);
        }
        let model = registry.by_variable("GENERIC_OPEN_AI_MODEL_PREF").unwrap();
        assert_eq!(complete_address(model, "a:b"), "a:b");
    }
}
