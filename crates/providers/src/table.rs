//! The table of language model providers. Providers differ only in their rows.
pub(crate) mod listing;

use genai::adapter::AdapterKind;

/// The protocol of a provider.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Protocol {
    /// OpenAI's chat completions, below the base address.
    OpenAi,
    /// Ollama's own protocol, at the root of its address.
    Ollama,
    Native(AdapterKind),
}

/// The address that requests are sent to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Base {
    Fixed(&'static str),
    /// The setting with the address, and the path to add if the operator omits it.
    Setting(&'static str, &'static str),
    /// The setting with the address. Trailing protocol paths, `/v1` and `/api`, are removed.
    Root(&'static str),
    /// The setting with a region, and an address with `{}` in its place.
    Region(&'static str, &'static str),
}

/// The setting with the key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key {
    Required(&'static str),
    Optional(&'static str),
    None,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Provider {
    /// Name in the setting `LLM_PROVIDER`.
    pub name: &'static str,
    pub protocol: Protocol,
    pub base: Base,
    pub key: Key,
    /// The setting with the model's name; empty if the server has only one model.
    pub model: &'static str,
    /// The setting with the context window; empty if there is none.
    pub window: &'static str,
    /// Default context window, in tokens.
    pub usual_window: u64,
    /// The setting that is `reasoning` for a model that refuses a temperature; empty if there is
    /// none.
    pub kind: &'static str,
}

impl Provider {
    /// Returns the setting, known from another product, for the longest silence of the provider while
    /// it answers; empty if there is none.
    pub fn silence(&self) -> &'static str {
        match self.name {
            "openrouter" => "OPENROUTER_TIMEOUT_MS",
            "novita" => "NOVITA_LLM_TIMEOUT_MS",
            "cometapi" => "COMETAPI_LLM_TIMEOUT_MS",
            _ => "",
        }
    }
}

/// Returns the row of an online service with the OpenAI protocol.
const fn hosted(
    name: &'static str,
    base: &'static str,
    key: &'static str,
    model: &'static str,
    usual_window: u64,
) -> Provider {
    Provider {
        name,
        protocol: Protocol::OpenAi,
        base: Base::Fixed(base),
        key: Key::Required(key),
        model,
        window: "",
        usual_window,
        kind: "",
    }
}

/// Returns the row of a server that the operator runs. Its context window is unknown, so the default
/// is that of the smallest such servers.
const fn own(
    name: &'static str,
    base: Base,
    key: Key,
    model: &'static str,
    window: &'static str,
) -> Provider {
    let usual_window = 4096;
    Provider { name, protocol: Protocol::OpenAi, base, key, model, window, usual_window, kind: "" }
}

const K: u64 = 1024;

/// An Azure resource. The model is the name of a deployment.
pub(crate) const AZURE: Base = Base::Setting("AZURE_OPENAI_ENDPOINT", "/openai/v1");

/// The name of the built-in extractive answerer.
pub(crate) const EXTRACTIVE: &str = "extractive";

pub(crate) const PROVIDERS: &[Provider] = &[
    own(
        "generic-openai",
        Base::Setting("GENERIC_OPEN_AI_BASE_PATH", ""),
        Key::Optional("GENERIC_OPEN_AI_API_KEY"),
        "GENERIC_OPEN_AI_MODEL_PREF",
        "GENERIC_OPEN_AI_MODEL_TOKEN_LIMIT",
    ),
    hosted("openai", "https://api.openai.com/v1", "OPEN_AI_KEY", "OPEN_MODEL_PREF", 128 * K),
    Provider {
        kind: "AZURE_OPENAI_MODEL_TYPE",
        ..own(
            "azure",
            AZURE,
            Key::Required("AZURE_OPENAI_KEY"),
            "AZURE_OPENAI_MODEL_PREF",
            "AZURE_OPENAI_TOKEN_LIMIT",
        )
    },
    Provider {
        protocol: Protocol::Native(AdapterKind::BedrockApi),
        usual_window: 8 * K,
        ..own(
            "bedrock",
            Base::Region("AWS_BEDROCK_LLM_REGION", "https://bedrock-runtime.{}.amazonaws.com"),
            Key::Required("AWS_BEDROCK_LLM_API_KEY"),
            "AWS_BEDROCK_LLM_MODEL_PREFERENCE",
            "AWS_BEDROCK_LLM_MODEL_TOKEN_LIMIT",
        )
    },
    Provider {
        protocol: Protocol::Native(AdapterKind::Anthropic),
        ..hosted(
            "anthropic",
            "https://api.anthropic.com/v1",
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_MODEL_PREF",
            200_000,
        )
    },
    Provider {
        protocol: Protocol::Native(AdapterKind::Gemini),
        ..hosted(
            "gemini",
            "https://generativelanguage.googleapis.com/v1beta",
            "GEMINI_API_KEY",
            "GEMINI_LLM_MODEL_PREF",
            1024 * K,
        )
    },
    Provider {
        protocol: Protocol::Ollama,
        ..own(
            "ollama",
            Base::Root("OLLAMA_BASE_PATH"),
            Key::Optional("OLLAMA_AUTH_TOKEN"),
            "OLLAMA_MODEL_PREF",
            "OLLAMA_MODEL_TOKEN_LIMIT",
        )
    },
    own(
        "lmstudio",
        Base::Setting("LMSTUDIO_BASE_PATH", "/v1"),
        Key::Optional("LMSTUDIO_AUTH_TOKEN"),
        "LMSTUDIO_MODEL_PREF",
        "LMSTUDIO_MODEL_TOKEN_LIMIT",
    ),
    own(
        "localai",
        Base::Setting("LOCAL_AI_BASE_PATH", "/v1"),
        Key::Optional("LOCAL_AI_API_KEY"),
        "LOCAL_AI_MODEL_PREF",
        "LOCAL_AI_MODEL_TOKEN_LIMIT",
    ),
    own(
        "litellm",
        Base::Setting("LITE_LLM_BASE_PATH", ""),
        Key::Optional("LITE_LLM_API_KEY"),
        "LITE_LLM_MODEL_PREF",
        "LITE_LLM_MODEL_TOKEN_LIMIT",
    ),
    own(
        "koboldcpp",
        Base::Setting("KOBOLD_CPP_BASE_PATH", "/v1"),
        Key::None,
        "KOBOLD_CPP_MODEL_PREF",
        "KOBOLD_CPP_MODEL_TOKEN_LIMIT",
    ),
    own(
        "textgenwebui",
        Base::Setting("TEXT_GEN_WEB_UI_BASE_PATH", "/v1"),
        Key::Optional("TEXT_GEN_WEB_UI_API_KEY"),
        "",
        "TEXT_GEN_WEB_UI_MODEL_TOKEN_LIMIT",
    ),
    own(
        "nvidia-nim",
        Base::Setting("NVIDIA_NIM_LLM_BASE_PATH", "/v1"),
        Key::None,
        "NVIDIA_NIM_LLM_MODEL_PREF",
        "NVIDIA_NIM_LLM_MODEL_TOKEN_LIMIT",
    ),
    own(
        "foundry",
        Base::Setting("FOUNDRY_BASE_PATH", "/v1"),
        Key::None,
        "FOUNDRY_MODEL_PREF",
        "FOUNDRY_MODEL_TOKEN_LIMIT",
    ),
    own(
        "docker-model-runner",
        Base::Setting("DOCKER_MODEL_RUNNER_BASE_PATH", "/engines/v1"),
        Key::None,
        "DOCKER_MODEL_RUNNER_LLM_MODEL_PREF",
        "DOCKER_MODEL_RUNNER_LLM_MODEL_TOKEN_LIMIT",
    ),
    own(
        "lemonade",
        Base::Setting("LEMONADE_LLM_BASE_PATH", "/api/v1"),
        Key::Optional("LEMONADE_LLM_API_KEY"),
        "LEMONADE_LLM_MODEL_PREF",
        "LEMONADE_LLM_MODEL_TOKEN_LIMIT",
    ),
    own(
        "omlx",
        Base::Setting("OMLX_LLM_BASE_PATH", "/v1"),
        Key::Optional("OMLX_LLM_API_KEY"),
        "OMLX_LLM_MODEL_PREF",
        "OMLX_LLM_TOKEN_LIMIT",
    ),
    own(
        "privatemode",
        Base::Setting("PRIVATEMODE_LLM_BASE_PATH", "/v1"),
        Key::None,
        "PRIVATEMODE_LLM_MODEL_PREF",
        "",
    ),
    hosted("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY", "GROQ_MODEL_PREF", 128 * K),
    hosted("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY", "MISTRAL_MODEL_PREF", 32_000),
    hosted(
        "deepseek",
        "https://api.deepseek.com/v1",
        "DEEPSEEK_API_KEY",
        "DEEPSEEK_MODEL_PREF",
        64 * K,
    ),
    hosted("xai", "https://api.x.ai/v1", "XAI_LLM_API_KEY", "XAI_LLM_MODEL_PREF", 128 * K),
    hosted(
        "openrouter",
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
        "OPENROUTER_MODEL_PREF",
        32 * K,
    ),
    hosted(
        "togetherai",
        "https://api.together.xyz/v1",
        "TOGETHER_AI_API_KEY",
        "TOGETHER_AI_MODEL_PREF",
        32 * K,
    ),
    hosted(
        "fireworksai",
        "https://api.fireworks.ai/inference/v1",
        "FIREWORKS_AI_LLM_API_KEY",
        "FIREWORKS_AI_LLM_MODEL_PREF",
        32 * K,
    ),
    hosted(
        "perplexity",
        "https://api.perplexity.ai",
        "PERPLEXITY_API_KEY",
        "PERPLEXITY_MODEL_PREF",
        127_000,
    ),
    hosted(
        "cohere",
        "https://api.cohere.ai/compatibility/v1",
        "COHERE_API_KEY",
        "COHERE_MODEL_PREF",
        128_000,
    ),
    hosted(
        "novita",
        "https://api.novita.ai/v3/openai",
        "NOVITA_LLM_API_KEY",
        "NOVITA_LLM_MODEL_PREF",
        32 * K,
    ),
    hosted("apipie", "https://apipie.ai/v1", "APIPIE_LLM_API_KEY", "APIPIE_LLM_MODEL_PREF", 32 * K),
    hosted("ppio", "https://api.ppinfra.com/v3/openai", "PPIO_API_KEY", "PPIO_MODEL_PREF", 32 * K),
    hosted(
        "moonshotai",
        "https://api.moonshot.ai/v1",
        "MOONSHOT_AI_API_KEY",
        "MOONSHOT_AI_MODEL_PREF",
        128 * K,
    ),
    hosted(
        "cometapi",
        "https://api.cometapi.com/v1",
        "COMETAPI_LLM_API_KEY",
        "COMETAPI_LLM_MODEL_PREF",
        32 * K,
    ),
    hosted("zai", "https://api.z.ai/api/paas/v4", "ZAI_API_KEY", "ZAI_MODEL_PREF", 128 * K),
    Provider {
        window: "GITEE_AI_MODEL_TOKEN_LIMIT",
        ..hosted(
            "giteeai",
            "https://ai.gitee.com/v1",
            "GITEE_AI_API_KEY",
            "GITEE_AI_MODEL_PREF",
            32 * K,
        )
    },
    hosted(
        "sambanova",
        "https://api.sambanova.ai/v1",
        "SAMBANOVA_LLM_API_KEY",
        "SAMBANOVA_LLM_MODEL_PREF",
        32 * K,
    ),
    hosted(
        "minimax",
        "https://api.minimax.io/v1",
        "MINIMAX_API_KEY",
        "MINIMAX_MODEL_PREF",
        200_000,
    ),
    hosted(
        "cerebras",
        "https://api.cerebras.ai/v1",
        "CEREBRAS_API_KEY",
        "CEREBRAS_MODEL_PREF",
        64 * K,
    ),
];

/// Returns every value of the setting `LLM_PROVIDER`.
pub fn provider_names() -> impl Iterator<Item = &'static str> {
    std::iter::once(EXTRACTIVE).chain(PROVIDERS.iter().map(|provider| provider.name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::engines::ENGINES;
    use crate::speech::{DICTATION, DOCUMENTS, SPEAKING};

    #[test]
    fn no_provider_is_listed_twice() {
        let names: Vec<_> = provider_names().collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        let engines: BTreeSet<_> = ENGINES.iter().map(|engine| engine.name).collect();
        assert_eq!(engines.len(), ENGINES.len());
    }

    #[test]
    fn keys_are_only_ever_sent_encrypted_to_services_on_the_internet() {
        let bases = PROVIDERS.iter().map(|row| row.base).chain(ENGINES.iter().map(|row| row.base));
        let transcription = DICTATION.iter().chain(DOCUMENTS).map(|row| row.base);
        let bases = bases.chain(transcription).chain(SPEAKING.iter().map(|row| row.base));
        for base in bases {
            if let Base::Fixed(address) | Base::Region(_, address) = base {
                assert!(address.starts_with("https://"), "{address}");
            }
        }
    }
}
