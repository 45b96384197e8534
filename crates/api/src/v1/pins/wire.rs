//! JSON of pins.
use carrel_domain::{DocumentPath, Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PinBody {
    /// `folder/file.json` of a document in the workspace.
    #[serde(default, alias = "doc_path")]
    #[schema(value_type = String)]
    pub doc_path: Option<Value>,
    /// True to pin the document, false to unpin it; false if absent.
    #[serde(default, alias = "pin_status")]
    #[schema(value_type = Option<bool>)]
    pub pin_status: Option<Value>,
}

impl PinBody {
    /// Returns the document, and whether to pin it.
    pub fn read(self) -> Result<(DocumentPath, bool)> {
        let path = self.path()?;
        match self.pin_status {
            None | Some(Value::Null) => Ok((path, false)),
            Some(Value::Bool(pinned)) => Ok((path, pinned)),
            Some(_) => Err(Error::invalid("pinStatus", "must be true or false")),
        }
    }

    /// Returns the document. A malformed path matches no document.
    pub fn path(&self) -> Result<DocumentPath> {
        match &self.doc_path {
            None | Some(Value::Null) => Err(Error::invalid("docPath", "must name a document")),
            Some(Value::String(path)) => {
                DocumentPath::parse(path).map_err(|_| Error::not_found("document", path))
            }
            Some(other) => Err(Error::not_found("document", other)),
        }
    }
}

/// Confirms that a document was pinned or unpinned.
#[derive(Serialize, ToSchema)]
pub struct Pinned {
    pub message: &'static str,
}

pub const UPDATED: &str = "Pin status updated successfully";
