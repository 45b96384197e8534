//! Placing documents in workspaces on the wire.
use carrel_domain::{DocumentPath, Result};
use carrel_services::library::Failures;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::v1::jobs::wire::JobRow;
use crate::v1::system::wire::named;

#[derive(Deserialize, ToSchema)]
pub struct UpdateEmbeddings {
    /// Locations of documents to place in the workspace.
    #[serde(default)]
    pub adds: Vec<String>,
    /// Locations of documents to take out of it.
    #[serde(default)]
    pub deletes: Vec<String>,
    /// Whether to answer at once with the job that places them.
    #[serde(default, rename = "async")]
    pub later: bool,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UpdateQuery {
    /// As in the body.
    #[serde(default, rename = "async")]
    pub later: bool,
}

/// What is to be done.
pub struct Update {
    pub adds: Vec<DocumentPath>,
    pub deletes: Vec<DocumentPath>,
    /// What names no document because of its form.
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
        .map(|text| DocumentPath::parse(text).map_err(|error| named(error, field)))
        .collect()
}

/// A job that places documents, as it was made.
#[derive(Serialize, ToSchema)]
pub struct UpdateBegun {
    job: JobRow,
    /// Paths that cannot be placed because of their form.
    #[serde(rename = "failedToEmbed")]
    failed_to_embed: Vec<String>,
    /// Why not, in the same order.
    errors: Vec<String>,
}

impl UpdateBegun {
    pub fn new(job: JobRow, refused: Failures) -> Self {
        let (failed_to_embed, errors) = refused.into_iter().unzip();
        Self { job, failed_to_embed, errors }
    }
}
