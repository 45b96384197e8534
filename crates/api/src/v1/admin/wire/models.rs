//! Lists of models on the wire.
use carrel_domain::model::OfferedModel;
use carrel_services::model_lists::Offered;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelsBody {
    /// `llm`, the default, or `embedding`.
    pub kind: Option<String>,
    /// The provider, as `LLMProvider` or `EmbeddingEngine` names it, which is the default.
    pub provider: Option<String>,
    /// Public names of settings and values to try without saving them. A stored secret is not sent
    /// to an address that they change.
    #[schema(value_type = Option<Object>, example = json!({ "OllamaLLMBasePath": "http://127.0.0.1:11434" }))]
    pub settings: Option<Map<String, Value>>,
}

#[derive(Serialize, ToSchema)]
pub struct ModelsListed {
    provider: String,
    /// By name. Empty for providers inside this server.
    models: Vec<ListedModel>,
}

#[derive(Serialize, ToSchema)]
struct ListedModel {
    /// As settings and requests name it.
    id: String,
    /// The most tokens it takes in, if the provider says so.
    window: Option<u64>,
}

impl From<Offered> for ModelsListed {
    fn from(offered: Offered) -> Self {
        let Offered { provider, models } = offered;
        let listed = |OfferedModel { id, window }| ListedModel { id, window };
        Self { provider, models: models.into_iter().map(listed).collect() }
    }
}
