//! The server itself on the wire.
use std::collections::HashSet;

use carrel_domain::library::RemovedDocument;
use carrel_domain::{DocumentPath, Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::mount::Mount;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VectorCount {
    pub vector_count: u64,
}

#[derive(Deserialize, ToSchema)]
pub struct RemoveDocuments {
    /// Locations, each `folder/file.json`.
    #[schema(value_type = Vec<String>, example = json!(["custom-documents/file.txt-fc4beeeb-e436-454d-8bb4-e5b8979cb48f.json"]))]
    names: Option<Value>,
}

impl RemoveDocuments {
    /// Nothing is removed unless every name is a path beneath the documents root.
    pub fn into_paths(self, mount: Mount) -> Result<Vec<DocumentPath>> {
        let wrong = || Error::invalid("names", "must be an array of strings folder/file.json");
        let names = match (self.names, mount) {
            (Some(Value::Array(names)), _) => names,
            // quirk(names-as-text): one string removes nothing, successfully.
            (Some(Value::String(_)), Mount::Compat) => Vec::new(),
            _ => return Err(wrong()),
        };
        let names = names.iter().map(|name| name.as_str().ok_or_else(wrong));
        let names = names.collect::<Result<Vec<_>>>()?;
        let paths = names.into_iter().map(DocumentPath::parse);
        match mount {
            Mount::Native => {
                paths.map(|path| path.map_err(|error| named(error, "names"))).collect()
            }
            // quirk(unknown-names): what names no document is passed over, whatever it is.
            Mount::Compat => Ok(paths.filter_map(Result::ok).collect()),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct DocumentsRemoved {
    pub success: bool,
    pub message: String,
}

impl DocumentsRemoved {
    pub fn new(asked: &[DocumentPath], removed: &[RemovedDocument], mount: Mount) -> Self {
        let gone: HashSet<_> = removed.iter().map(|removed| &removed.path).collect();
        let unknown = asked.iter().filter(|path| !gone.contains(path)).map(ToString::to_string);
        let unknown: Vec<_> = unknown.collect();
        let mut message = "Documents removed successfully".to_owned();
        if !unknown.is_empty() && mount == Mount::Native {
            message.push_str(&format!("; not found: {}", unknown.join(", ")));
        }
        Self { success: true, message }
    }
}

/// The same refusal, saying which field of the body is wrong.
pub fn named(error: Error, field: &'static str) -> Error {
    match error {
        Error::Invalid { reason, .. } => Error::invalid(field, reason),
        other => other,
    }
}
