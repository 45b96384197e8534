//! JSON of OpenAI's protocol, with workspaces as models and vector stores.
pub mod answer;
pub mod audio;
pub mod chat;
pub mod embeddings;
pub mod images;
mod options;

use std::collections::HashMap;

use carrel_domain::workspace::Workspace;
use carrel_domain::{Error, Result, WorkspaceId};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

/// The provider that answers if none is configured.
const BUILT_IN: &str = "extractive";

#[derive(Serialize, ToSchema)]
pub struct ModelPage {
    /// `list`.
    object: &'static str,
    data: Vec<ModelEntry>,
}

/// A workspace as a model.
#[derive(Serialize, ToSchema)]
pub struct ModelEntry {
    /// Slug of the workspace.
    id: String,
    /// `model`.
    object: &'static str,
    /// Seconds since 1970.
    created: i64,
    /// Provider of the workspace's language model.
    owned_by: String,
}

impl ModelPage {
    pub fn of(workspaces: Vec<Workspace>, provider: Option<String>) -> Self {
        let model = |workspace| ModelEntry::of(workspace, provider.clone());
        Self { object: "list", data: workspaces.into_iter().map(model).collect() }
    }
}

impl ModelEntry {
    /// Creates the entry of a workspace. `provider` is the provider of workspaces that choose none.
    pub fn of(workspace: Workspace, provider: Option<String>) -> Self {
        let owner = workspace.settings.chat_provider.or(provider);
        Self {
            id: workspace.slug.to_string(),
            object: "model",
            created: workspace.created_at.timestamp(),
            owned_by: owner.unwrap_or_else(|| BUILT_IN.to_owned()),
        }
    }
}

/// The vector stores to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters, which `Page` reads")]
pub struct StoreParams {
    /// Return only stores after the one with this id.
    after: Option<String>,
    /// Number of stores, 1 to 10,000; all if absent.
    limit: Option<usize>,
}

/// A page of a list.
#[derive(Debug, PartialEq)]
pub struct StorePage {
    after: Option<String>,
    limit: usize,
}

impl StorePage {
    const LIMIT: usize = 10_000;

    /// Reads the parameters. The first of each name counts; unknown ones are ignored.
    pub fn read(pairs: &[(String, String)]) -> Result<Self> {
        let find = |key: &str| pairs.iter().find(|(name, _)| name == key).map(|pair| &pair.1);
        let limit = match find("limit").map(|text| text.parse()) {
            None => Self::LIMIT,
            Some(Ok(limit @ 1..=Self::LIMIT)) => limit,
            Some(_) => return Err(Error::invalid("limit", "must be a number from 1 to 10000")),
        };
        Ok(Self { after: find("after").cloned(), limit })
    }
}

/// Workspaces as vector stores.
#[derive(Serialize, ToSchema)]
pub struct VectorStores {
    /// `list`.
    object: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_id: Option<String>,
    data: Vec<VectorStore>,
    has_more: bool,
}

#[derive(Serialize, ToSchema)]
pub struct VectorStore {
    /// Slug of the workspace.
    id: String,
    /// `vector_store`.
    object: &'static str,
    name: String,
    /// Seconds since 1970.
    created_at: i64,
    /// `completed`.
    status: &'static str,
    /// Number of documents.
    #[schema(value_type = Object)]
    file_counts: Value,
    /// The vector database, named as in `VectorDB`. Clients know the built-in index as `lancedb`.
    provider: String,
}

impl VectorStores {
    /// Returns an empty list.
    pub fn none() -> Self {
        Self { object: "list", first_id: None, last_id: None, data: Vec::new(), has_more: false }
    }

    /// Returns the page of `workspaces` that `page` selects, with each workspace's number of
    /// documents.
    pub fn of(
        workspaces: Vec<Workspace>,
        documents: &HashMap<WorkspaceId, u64>,
        provider: &str,
        page: &StorePage,
    ) -> Self {
        let mut rest = workspaces;
        if let Some(after) = &page.after {
            let place = rest.iter().position(|workspace| workspace.slug.as_str() == after);
            rest.drain(..place.map_or(rest.len(), |place| place + 1));
        }
        let has_more = rest.len() > page.limit;
        let store = |workspace: Workspace| {
            let total = documents.get(&workspace.id).copied().unwrap_or_default();
            VectorStore::of(workspace, total, provider)
        };
        let data: Vec<_> = rest.into_iter().take(page.limit).map(store).collect();
        let id = |store: Option<&VectorStore>| store.map(|store| store.id.clone());
        let (first_id, last_id) = (id(data.first()), id(data.last()));
        Self { object: "list", first_id, last_id, data, has_more }
    }
}

impl VectorStore {
    fn of(workspace: Workspace, total: u64, provider: &str) -> Self {
        let file_counts = json!({
            "total": total, "completed": total, "in_progress": 0, "failed": 0, "cancelled": 0,
        });
        Self {
            id: workspace.slug.to_string(),
            object: "vector_store",
            name: workspace.settings.name,
            created_at: workspace.created_at.timestamp(),
            status: "completed",
            file_counts,
            provider: provider.to_owned(),
        }
    }
}

/// Returns a field that is neither absent nor null.
pub fn not_null(value: Option<Value>) -> Option<Value> {
    value.filter(|value| !value.is_null())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<StorePage> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        StorePage::read(&pairs.iter().map(owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_page_is_read_and_an_invalid_one_refused() {
        let page = read(&[("order", "desc"), ("limit", "2"), ("after", "a")]).unwrap();
        assert_eq!(page, StorePage { after: Some("a".into()), limit: 2 });
        for wrong in ["0", "-1", "x", "10001", ""] {
            assert!(read(&[("limit", wrong)]).is_err(), "{wrong}");
        }
    }
}
