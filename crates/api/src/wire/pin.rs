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
    doc_path: Option<Value>,
    /// Whether the document is pinned from now on; false when absent.
    #[serde(default, alias = "pin_status")]
    #[schema(value_type = Option<bool>)]
    pin_status: Option<Value>,
}

impl PinBody {
    pub fn read(self) -> Result<(DocumentPath, bool)> {
        let path = match &self.doc_path {
            None | Some(Value::Null) => {
                return Err(Error::invalid("docPath", "must name a document"));
            }
            // What is no path names no document.
            Some(Value::String(path)) => {
                DocumentPath::parse(path).map_err(|_| Error::not_found("document", path))?
            }
            Some(other) => return Err(Error::not_found("document", other)),
        };
        match self.pin_status {
            None | Some(Value::Null) => Ok((path, false)),
            Some(Value::Bool(pinned)) => Ok((path, pinned)),
            Some(_) => Err(Error::invalid("pinStatus", "must be true or false")),
        }
    }
}

/// That a document is pinned, or no longer is.
#[derive(Serialize, ToSchema)]
pub struct Pinned {
    pub message: &'static str,
}

pub const UPDATED: &str = "Pin status updated successfully";
