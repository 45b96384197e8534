//! Pins on the wire.
use carrel_domain::{DocumentPath, Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PinBody {
    /// `folder/file.json` of a document that is placed in the workspace.
    #[serde(default, alias = "doc_path")]
    #[schema(value_type = String)]
    pub doc_path: Option<Value>,
    /// Whether the document is pinned from now on; false when absent.
    #[serde(default, alias = "pin_status")]
    #[schema(value_type = Option<bool>)]
    pub pin_status: Option<Value>,
}

impl PinBody {
    /// The document, and whether it is to be pinned.
    pub fn read(self) -> Result<(DocumentPath, bool)> {
        let path = self.path()?;
        match self.pin_status {
            None | Some(Value::Null) => Ok((path, false)),
            Some(Value::Bool(pinned)) => Ok((path, pinned)),
            Some(_) => Err(Error::invalid("pinStatus", "must be true or false")),
        }
    }

    /// The document. What is no path names none.
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

/// That a document is pinned, or no longer is.
#[derive(Serialize, ToSchema)]
pub struct Pinned {
    pub message: &'static str,
}

pub const UPDATED: &str = "Pin status updated successfully";
