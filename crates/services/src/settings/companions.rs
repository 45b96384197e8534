//! Finds the optional settings of a provider by their names, which saves a table.
use super::check::Check;
use super::choices::Choice;
use super::registry::{Capability, Registry, Setting};

impl Registry {
    /// Returns the optional settings of a provider: those named after it or its capability. A
    /// provider that needs no settings has no optional ones.
    pub fn optional_for(&self, kind: &str, capability: Capability, value: &str) -> Vec<&Setting> {
        let choices: Vec<_> = self.choices.of(kind).collect();
        let selects = |row: &&Setting| row.checks.iter().any(|check| is_choice(check, kind));
        let selector = self.settings().iter().find(selects).map(|row| row.variable);
        let Some(choice) = self.choices.find(kind, value) else { return Vec::new() };
        let optional = self.variables().filter(|row| {
            // A model name that some providers need can also be used by others.
            let is_provider_setting =
                || choices.iter().any(|choice| choice.required.contains(&row.variable));
            let is_needed = choice.required.contains(&row.variable)
                || (choice.model != Some(row.variable) && is_provider_setting());
            let is_shared = || {
                selector.is_some_and(|selector| first_word(selector) == first_word(row.variable))
                    && selector != Some(row.variable)
                    && !choice.required.is_empty()
            };
            row.capabilities.contains(&capability)
                && !is_needed
                && match owner(row.variable, &choices) {
                    Some(owner) => owner.value == choice.value,
                    None => is_shared() && is_sent_to(row, choice),
                }
        });
        optional.collect()
    }
}

/// Returns whether a secret is sent to an address of this provider. Always true for other settings.
fn is_sent_to(row: &Setting, choice: &Choice) -> bool {
    let is_destination =
        |variable: &&str| row.destinations.iter().any(|to| to.variable == *variable);
    row.destinations.is_empty() || choice.required.iter().any(is_destination)
}

fn is_choice(check: &Check, name: &str) -> bool {
    matches!(check, Check::Choice(kind) if *kind == name)
}

fn first_word(variable: &str) -> &str {
    variable.split('_').next().unwrap_or_default()
}

/// Returns the provider that a variable is named after: `generic-openai` for
/// `GENERIC_OPEN_AI_API_KEY`. The first matching name wins, and the longest of those that begin at
/// the same position.
fn owner<'a>(variable: &str, choices: &[&'a Choice]) -> Option<&'a Choice> {
    let variable = variable.replace('_', "");
    let owners = choices.iter().filter_map(|choice| {
        let name = choice.value.replace('-', "").to_uppercase();
        Some((variable.find(&name)?, usize::MAX - name.len(), *choice))
    });
    owners.min_by_key(|(position, length, _)| (*position, *length)).map(|(_, _, choice)| choice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_settings_are_named_after_a_provider_or_capability() {
        let registry = Registry::new().unwrap();
        for (kind, capability, value, expected) in [
            ("vectors", Capability::Vectors, "chroma", "CHROMA_API_HEADER CHROMA_API_KEY"),
            ("vectors", Capability::Vectors, "chromacloud", ""),
            ("vectors", Capability::Vectors, "lancedb", ""),
            ("vectors", Capability::Vectors, "pgvector", "PGVECTOR_TABLE_NAME"),
            ("images", Capability::Images, "openai", "IMAGE_GEN_MODEL_PREF IMAGE_GEN_SIZE_PREF"),
            (
                "images",
                Capability::Images,
                "lemonade",
                "IMAGE_GEN_SIZE_PREF IMAGE_GEN_LEMONADE_API_KEY",
            ),
            (
                "embedding",
                Capability::Embedding,
                "mistral",
                "EMBEDDING_MODEL_MAX_CHUNK_LENGTH EMBEDDING_OUTPUT_DIMENSIONS \
                 EMBEDDING_FIRST_BYTE_TIMEOUT_MS EMBEDDING_SILENCE_TIMEOUT_MS \
                 EMBEDDING_TOTAL_TIMEOUT_MS EMBEDDING_RETRY_WAIT_MS EMBEDDING_REQUESTS_PER_MINUTE",
            ),
            ("embedding", Capability::Embedding, "native", ""),
            ("rerank", Capability::Reranking, "native", ""),
            ("rerank", Capability::Reranking, "cohere", "RERANK_TIMEOUT_MS"),
            ("rerank", Capability::Reranking, "tei", "RERANK_API_KEY RERANK_TIMEOUT_MS"),
            (
                "rerank",
                Capability::Reranking,
                "generic",
                "RERANK_MODEL_PREF RERANK_API_KEY RERANK_TIMEOUT_MS",
            ),
            (
                "llm",
                Capability::LanguageModel,
                "bedrock",
                "AWS_BEDROCK_LLM_MODEL_TOKEN_LIMIT AWS_BEDROCK_LLM_MAX_TOKENS \
                 LLM_FIRST_BYTE_TIMEOUT_MS LLM_SILENCE_TIMEOUT_MS LLM_TOTAL_TIMEOUT_MS \
                 LLM_RETRY_WAIT_MS LLM_REQUESTS_PER_MINUTE",
            ),
            ("llm", Capability::LanguageModel, "extractive", ""),
            ("llm", Capability::LanguageModel, "nobody", ""),
        ] {
            let settings = registry.optional_for(kind, capability, value);
            let settings: Vec<_> = settings.into_iter().map(|row| row.variable).collect();
            assert_eq!(settings.join(" "), expected, "{kind} {value}");
        }
    }
}
