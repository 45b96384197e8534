//! Pins on the wire.
use carrel_domain::{DocumentPath, Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::mount::Mount;

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
    /// The document, and whether it is to be pinned; `None` for a status that is passed over.
    pub fn read(self, mount: Mount) -> Result<(DocumentPath, Option<bool>)> {
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
            None | Some(Value::Null) => Ok((path, Some(false))),
            Some(Value::Bool(pinned)) => Ok((path, Some(pinned))),
            // quirk(pin-status): a status that is neither true nor false changes nothing.
            Some(_) if mount == Mount::Compat => Ok((path, None)),
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
