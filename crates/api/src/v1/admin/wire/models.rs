//! JSON of model lists.
use carrel_domain::model::OfferedModel;
use carrel_services::model_lists::AvailableModels;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelsBody {
    /// `llm` (the default) or `embedding`.
    pub kind: Option<String>,
    /// The provider, named as in `LLMProvider` or `EmbeddingEngine`; the current one if absent.
    pub provider: Option<String>,
    /// Settings to try without saving them, by public name. If they change the provider's address,
    /// the stored secret is not sent to it.
    #[schema(value_type = Option<Object>, example = json!({ "OllamaLLMBasePath": "http://127.0.0.1:11434" }))]
    pub settings: Option<Map<String, Value>>,
}

#[derive(Serialize, ToSchema)]
pub struct ModelsListed {
    provider: String,
    /// Sorted by name. Empty for providers inside this server.
    models: Vec<ListedModel>,
}

#[derive(Serialize, ToSchema)]
struct ListedModel {
    /// The name for settings and requests.
    id: String,
    /// Context window in tokens, if the provider reports it.
    window: Option<u64>,
}

impl From<AvailableModels> for ModelsListed {
    fn from(available: AvailableModels) -> Self {
        let AvailableModels { provider, models } = available;
        let listed = |OfferedModel { id, window, price: _ }| ListedModel { id, window };
        Self { provider, models: models.into_iter().map(listed).collect() }
    }
}
