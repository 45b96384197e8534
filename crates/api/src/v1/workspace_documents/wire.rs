//! JSON of adding documents to workspaces.
use carrel_domain::{DocumentPath, Result};
use carrel_services::library::Failures;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::v1::jobs::wire::JobRow;
use crate::v1::system::wire::with_field;

#[derive(Deserialize, ToSchema)]
pub struct UpdateEmbeddings {
    /// Documents to add to the workspace, each as `folder/file.json`.
    #[serde(default)]
    pub adds: Vec<String>,
    /// Documents to remove from the workspace, each as `folder/file.json`.
    #[serde(default)]
    pub deletes: Vec<String>,
    /// True to return immediately with the job that adds the documents.
    #[serde(default, rename = "async")]
    pub later: bool,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UpdateQuery {
    /// Same as in the body.
    #[serde(default, rename = "async")]
    pub later: bool,
}

/// The changes that a body describes.
pub struct Update {
    pub adds: Vec<DocumentPath>,
    pub deletes: Vec<DocumentPath>,
    /// Malformed paths, which match no document.
    pub refused: Failures,
    pub later: bool,
}

impl UpdateEmbeddings {
    pub fn read(self) -> Result<Update> {
        let Self { adds, deletes, later } = self;
        let (adds, deletes) = (paths(&adds, "adds")?, paths(&deletes, "deletes")?);
        Ok(Update { adds, deletes, refused: Failures::new(), later })
    }
}

fn paths(texts: &[String], field: &'static str) -> Result<Vec<DocumentPath>> {
    texts
        .iter()
        .map(|text| DocumentPath::parse(text).map_err(|error| with_field(error, field)))
        .collect()
}

/// The new job that adds documents.
#[derive(Serialize, ToSchema)]
pub struct UpdateBegun {
    job: JobRow,
    /// Malformed paths, which cannot be added.
    #[serde(rename = "failedToEmbed")]
    failed_to_embed: Vec<String>,
    /// The reasons, in the same order.
    errors: Vec<String>,
}

impl UpdateBegun {
    pub fn new(job: JobRow, refused: Failures) -> Self {
        let (failed_to_embed, errors) = refused.into_iter().unzip();
        Self { job, failed_to_embed, errors }
    }
}
