//! Finds the settings of a provider by their names, because tables would only repeat these.
use super::check::Check;
use super::choices::Choice;
use super::registry::{Capability, Registry, Setting};

impl Registry {
    /// What a provider takes and does not need: settings that are named after it, and those named
    /// after what it provides. One that needs nothing has nothing to take.
    pub fn optional_for(&self, kind: &str, capability: Capability, value: &str) -> Vec<&Setting> {
        let choices: Vec<_> = self.choices.of(kind).collect();
        let selects = |row: &&Setting| row.checks.iter().any(|check| is_choice(check, kind));
        let selector = self.settings().iter().find(selects).map(|row| row.variable);
        let Some(chosen) = self.choices.find(kind, value) else { return Vec::new() };
        let taken = self.variables().filter(|row| {
            // The name of a model that one needs may be left to another, which takes it then.
            let is_anyones = || choices.iter().any(|choice| choice.needs.contains(&row.variable));
            let is_needed = chosen.needs.contains(&row.variable)
                || (chosen.model != Some(row.variable) && is_anyones());
            let is_shared = || {
                selector.is_some_and(|selector| first_word(selector) == first_word(row.variable))
                    && selector != Some(row.variable)
                    && !chosen.needs.is_empty()
            };
            row.capabilities.contains(&capability)
                && !is_needed
                && match owner(row.variable, &choices) {
                    Some(owner) => owner.value == chosen.value,
                    None => is_shared() && is_sent_to(row, chosen),
                }
        });
        taken.collect()
    }
}

/// Whether a secret that goes to certain addresses goes to one of this provider's. Any other setting does.
fn is_sent_to(row: &Setting, chosen: &Choice) -> bool {
    let is_its = |variable: &&str| row.destinations.iter().any(|to| to.variable == *variable);
    row.destinations.is_empty() || chosen.needs.iter().any(is_its)
}

fn is_choice(check: &Check, of: &str) -> bool {
    matches!(check, Check::Choice(kind) if *kind == of)
}

fn first_word(variable: &str) -> &str {
    variable.split('_').next().unwrap_or_default()
}

/// The provider that a variable is named after: `GENERIC_OPEN_AI_API_KEY` after `generic-openai`. Of
/// several names in it the first counts, and of those that begin at one place the longest.
fn owner<'a>(variable: &str, choices: &[&'a Choice]) -> Option<&'a Choice> {
    let variable = variable.replace('_', "");
    let found = choices.iter().filter_map(|choice| {
        let name = choice.value.replace('-', "").to_uppercase();
        Some((variable.find(&name)?, usize::MAX - name.len(), *choice))
    });
    found.min_by_key(|(place, length, _)| (*place, *length)).map(|(_, _, choice)| choice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_takes_what_is_named_after_it_or_after_what_it_provides() {
        let registry = Registry::new().unwrap();
        for (kind, capability, value, taken) in [
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
            let found = registry.optional_for(kind, capability, value);
            let found: Vec<_> = found.into_iter().map(|row| row.variable).collect();
            assert_eq!(found.join(" "), taken, "{kind} {value}");
        }
    }
}
