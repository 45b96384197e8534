//! JSON of folders.
use carrel_domain::folder::DocumentMove;
use carrel_domain::{DocumentPath, Error, Folder, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::v1::system::wire::with_field;

#[derive(Deserialize, ToSchema)]
pub struct FolderBody {
    /// One path segment.
    #[serde(default)]
    #[schema(value_type = String, example = "handbooks")]
    pub name: Option<Value>,
}

impl FolderBody {
    /// Returns the folder to create.
    pub fn into_folder(self) -> Result<Folder> {
        parse(self.name()?.as_deref().unwrap_or_default())
    }

    pub fn name(&self) -> Result<Option<String>> {
        match &self.name {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(name)) => Ok(Some(name.clone())),
            Some(_) => Err(Error::invalid("name", "must be text")),
        }
    }
}

/// Parses the name of a folder.
pub fn parse(name: &str) -> Result<Folder> {
    Folder::parse(name).map_err(|error| with_field(error, "name"))
}

#[derive(Serialize, ToSchema)]
pub struct FolderChanged {
    pub success: bool,
    pub message: Option<String>,
    /// Number of documents removed with the folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed: Option<usize>,
}

impl FolderChanged {
    pub fn succeeded() -> Self {
        Self { success: true, message: None, removed: None }
    }

    /// Creates the response; `None` if the folder did not exist.
    pub fn removed(documents: Option<usize>) -> Self {
        let message = Some("Folder removed successfully".to_owned());
        Self { success: true, message, removed: Some(documents.unwrap_or_default()) }
    }

    /// Creates the response after a move of `requested` documents, of which `skipped` did not move.
    pub fn moved(requested: usize, skipped: usize) -> Self {
        let message = (skipped > 0).then(|| {
            format!("{skipped}/{requested} files not moved. Unembed them from all workspaces.")
        });
        Self { success: true, message, removed: None }
    }
}

#[derive(Deserialize, ToSchema)]
pub struct MoveBody {
    /// Documents to move, each from and to `folder/file.json`.
    #[serde(default)]
    #[schema(value_type = Vec<MoveOne>)]
    files: Option<Value>,
}

#[derive(Deserialize, ToSchema)]
pub struct MoveOne {
    #[schema(example = "custom-documents/file.txt-fc4beeeb-e436-454d-8bb4-e5b8979cb48f.json")]
    from: String,
    #[schema(example = "handbooks/file.txt-fc4beeeb-e436-454d-8bb4-e5b8979cb48f.json")]
    to: String,
}

impl MoveBody {
    pub fn into_moves(self) -> Result<Vec<DocumentMove>> {
        let invalid =
            || Error::invalid("files", "must be an array of objects with `from` and `to`");
        let Some(Value::Array(files)) = self.files else { return Err(invalid()) };
        let mut moves = Vec::with_capacity(files.len());
        for file in files {
            let MoveOne { from, to } = serde_json::from_value(file).map_err(|_| invalid())?;
            let (from, to) = (DocumentPath::parse(&from)?, DocumentPath::parse(&to)?);
            moves.push(DocumentMove { from, to });
        }
        Ok(moves)
    }
}
