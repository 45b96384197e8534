//! JSON of operations on the server itself.
use std::collections::HashSet;

use carrel_domain::library::RemovedDocument;
use carrel_domain::{DocumentPath, Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VectorCount {
    pub vector_count: u64,
}

#[derive(Deserialize, ToSchema)]
pub struct RemoveDocuments {
    /// Documents, each as `folder/file.json`.
    #[schema(value_type = Vec<String>, example = json!(["custom-documents/file.txt-fc4beeeb-e436-454d-8bb4-e5b8979cb48f.json"]))]
    pub names: Option<Value>,
}

impl RemoveDocuments {
    /// Returns the paths. If one name is not a path below the documents directory, nothing is
    /// removed.
    pub fn into_paths(self) -> Result<Vec<DocumentPath>> {
        let invalid = || Error::invalid("names", "must be an array of strings folder/file.json");
        let Some(Value::Array(names)) = self.names else { return Err(invalid()) };
        let path = |name: &Value| {
            let path = DocumentPath::parse(name.as_str().ok_or_else(invalid)?);
            path.map_err(|error| with_field(error, "names"))
        };
        names.iter().map(path).collect()
    }
}

#[derive(Serialize, ToSchema)]
pub struct DocumentsRemoved {
    pub success: bool,
    pub message: String,
}

impl DocumentsRemoved {
    pub fn new(requested: &[DocumentPath], removed: &[RemovedDocument]) -> Self {
        let removed_paths: HashSet<_> = removed.iter().map(|removed| &removed.path).collect();
        let missing =
            requested.iter().filter(|path| !removed_paths.contains(path)).map(ToString::to_string);
        let missing: Vec<_> = missing.collect();
        let mut result = Self::done();
        if !missing.is_empty() {
            result.message.push_str(&format!("; not found: {}", missing.join(", ")));
        }
        result
    }

    pub fn done() -> Self {
        Self { success: true, message: "Documents removed successfully".to_owned() }
    }
}

/// Returns the error with the name of the invalid field.
pub fn with_field(error: Error, field: &'static str) -> Error {
    match error {
        Error::Invalid { reason, .. } => Error::invalid(field, reason),
        error => error,
    }
}
