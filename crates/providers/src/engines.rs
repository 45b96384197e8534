//! The table of external embedding services, with rows like those of [`crate::table`].
use crate::table::{AZURE, Base, Key};

/// An embedding service over HTTP. All use OpenAI's embeddings protocol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Engine {
    /// Name in the setting `EMBEDDING_ENGINE`.
    pub name: &'static str,
    pub base: Base,
    pub key: Key,
    /// The setting with the number of texts per request; empty if there is none.
    pub batch: &'static str,
    /// Default length limit of a text, in UTF-16 code units.
    pub longest_text: usize,
}

const fn engine(name: &'static str, base: Base, key: Key, longest_text: usize) -> Engine {
    Engine { name, base, key, batch: "", longest_text }
}

const OWN_BASE: &str = "EMBEDDING_BASE_PATH";

pub(crate) const ENGINES: &[Engine] = &[
    Engine {
        batch: "GENERIC_OPEN_AI_EMBEDDING_MAX_CONCURRENT_CHUNKS",
        ..engine(
            "generic-openai",
            Base::Setting(OWN_BASE, ""),
            Key::Optional("GENERIC_OPEN_AI_EMBEDDING_API_KEY"),
            1000,
        )
    },
    engine("azure", AZURE, Key::Required("AZURE_OPENAI_KEY"), 2048),
    engine("openai", Base::Fixed("https://api.openai.com/v1"), Key::Required("OPEN_AI_KEY"), 8191),
    Engine {
        batch: "OLLAMA_EMBEDDING_BATCH_SIZE",
        ..engine("ollama", Base::Setting(OWN_BASE, "/v1"), Key::Optional("OLLAMA_AUTH_TOKEN"), 1000)
    },
    engine("lmstudio", Base::Setting(OWN_BASE, "/v1"), Key::Optional("LMSTUDIO_AUTH_TOKEN"), 1000),
    engine("localai", Base::Setting(OWN_BASE, "/v1"), Key::Optional("LOCAL_AI_API_KEY"), 1000),
    engine("litellm", Base::Setting(OWN_BASE, ""), Key::Optional("LITE_LLM_API_KEY"), 1000),
    engine(
        "lemonade",
        Base::Setting(OWN_BASE, "/api/v1"),
        Key::Optional("LEMONADE_LLM_API_KEY"),
        1000,
    ),
    engine(
        "mistral",
        Base::Fixed("https://api.mistral.ai/v1"),
        Key::Required("MISTRAL_API_KEY"),
        8000,
    ),
    engine(
        "openrouter",
        Base::Fixed("https://openrouter.ai/api/v1"),
        Key::Required("OPENROUTER_API_KEY"),
        8000,
    ),
    engine(
        "gemini",
        Base::Fixed("https://generativelanguage.googleapis.com/v1beta/openai"),
        Key::Required("GEMINI_EMBEDDING_API_KEY"),
        2048,
    ),
    engine(
        "voyageai",
        Base::Fixed("https://api.voyageai.com/v1"),
        Key::Required("VOYAGEAI_API_KEY"),
        8000,
    ),
    engine(
        "cohere",
        Base::Fixed("https://api.cohere.ai/compatibility/v1"),
        Key::Required("COHERE_API_KEY"),
        1000,
    ),
];

/// Returns every value of `EMBEDDING_ENGINE` for an external service.
pub fn engine_names() -> impl Iterator<Item = &'static str> {
    ENGINES.iter().map(|engine| engine.name)
}
