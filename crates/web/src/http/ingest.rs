//! Adds uploaded files to the library one after another, and creates a job that indexes them.
use actix_web::web::Data;
use carrel_domain::audit::By;
use carrel_domain::job::Job;
use carrel_domain::workspace::Workspace;
use carrel_domain::{Error, Folder, JobId, Result};
use carrel_http::request_log::log_failure;
use carrel_services::ingestion::{Details, Indexing, Ingested, Terms};

use crate::http::page_error::PageError;
use crate::http::upload::UploadedFile;
use crate::live::rejected_files::RejectedFile;
use crate::site::Site;
use crate::view::language;

/// Most rejected files that a message lists.
const TOLD: usize = 8;

/// The destination of uploaded files.
pub struct UploadTarget {
    /// The workspace that indexes them, if any.
    pub into: Option<Workspace>,
    /// The folder for the files. If absent, the folder that the user uploaded as a whole.
    pub folder: Option<Folder>,
    /// The job of earlier files of the same upload.
    pub along: Option<JobId>,
}

/// The result of an upload.
#[derive(Default)]
pub struct IngestResult {
    /// The job that indexes the files, if a workspace was given and a file could be read.
    pub job: Option<Job>,
    added: usize,
    /// Titles of documents that already existed with the same content in the same folder.
    existed: Vec<String>,
    refused: Vec<(RejectedFile, PageError)>,
}

impl IngestResult {
    /// Returns the title of an existing document, if every file existed already.
    pub fn same(&self) -> Option<String> {
        let is_all = self.added > 0 && self.existed.len() >= self.added && self.job.is_none();
        self.existed.first().filter(|_| is_all).cloned()
    }

    /// Returns the job, if any. Returns the refused files as an error if there is no job to report them.
    pub fn or_refused(mut self) -> Result<Option<Job>, PageError> {
        if self.refused.is_empty() || self.job.is_some() {
            return Ok(self.job);
        }
        if self.added == 0 && self.refused.len() == 1 {
            let (_, refusal) = self.refused.remove(0);
            return Err(refusal);
        }
        let more = self.refused.len().saturating_sub(TOLD);
        let told = self.refused.iter().take(TOLD);
        let mut told: Vec<_> =
            told.map(|(file, _)| format!("{}: {}", file.name, file.reason)).collect();
        if more > 0 {
            told.push(format!("({more} more)"));
        }
        Err(Error::unprocessable(told.join(" ")).into())
    }
}

/// Adds files, each completely or not at all. Continues if the browser disconnects.
pub async fn ingest(
    site: Data<Site>,
    files: Vec<UploadedFile>,
    mut to: UploadTarget,
    by: By,
) -> Result<IngestResult> {
    if files.is_empty() {
        return Err(Error::invalid("file", "must be chosen first"));
    }
    let (site, is_one_of_many) = (site.into_inner(), files.len() > 1);
    let work = async move {
        let (mut result, mut read) = (IngestResult::default(), Vec::new());
        for file in files {
            match add(&site, &file, &to, &by).await {
                Ok(Ingested { jobs, added }) => {
                    if !added.is_empty() && added.iter().all(|added| added.existed) {
                        result
                            .existed
                            .extend(added.into_iter().take(1).map(|one| one.document.title));
                    }
                    if let Some(job) = jobs.into_iter().next_back() {
                        // The following files join the job.
                        to.along = Some(job.id);
                        result.job = Some(job);
                    }
                    read.push(file.name);
                }
                Err(error) => {
                    let refusal = PageError::from(error);
                    // A single rejection is the response, and is logged as one.
                    if let Some(cause) = refusal.cause().filter(|_| is_one_of_many) {
                        log_failure(cause, "failed to read a file");
                    }
                    let reason = refusal.to_string();
                    result.refused.push((RejectedFile { name: file.name, reason }, refusal));
                }
            }
        }
        result.added = read.len();
        if let Some(job) = to.along {
            let refused = result.refused.iter().map(|(file, _)| file.clone());
            site.rejected_files.note(job, &read, refused.collect());
        }
        Ok(result)
    };
    tokio::spawn(language::kept(work)).await.map_err(Error::internal)?
}

async fn add(site: &Site, file: &UploadedFile, to: &UploadTarget, by: &By) -> Result<Ingested> {
    // If a whole folder is uploaded, the file names are paths.
    let (within, name) = file.name.rsplit_once('/').unwrap_or(("", &file.name));
    let top = within.split('/').find(|part| !part.is_empty());
    let folder = match (&to.folder, top) {
        (None, Some(top)) => Some(Folder::parse(top)?),
        (folder, _) => folder.clone(),
    };
    // A second copy of a document would be cited as a second source.
    let terms =
        Terms { folder, digest: Some(file.digest()), skip_identical: true, ..Terms::default() };
    let details = Details { terms, ..Details::default() };
    let mut incoming = file.incoming();
    incoming.name = name.to_owned();
    let into = to.into.iter().cloned().collect();
    let indexing = Indexing::Later { existing_job: to.along };
    site.ports.ingestion.add_file(incoming, details, into, indexing, by).await
}
