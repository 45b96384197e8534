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

/// Maximum number of rejected files that a message lists.
const MAX_LISTED_ERRORS: usize = 8;

/// The destination of uploaded files.
pub struct UploadTarget {
    /// The workspace that indexes them, if any.
    pub workspace: Option<Workspace>,
    /// The folder for the files. If absent, the uploaded folder names it.
    pub folder: Option<Folder>,
    /// The job of earlier files of the same upload.
    pub existing_job: Option<JobId>,
}

/// The result of an upload.
#[derive(Default)]
pub struct IngestResult {
    /// The job that indexes the files, if a workspace was given and a file could be read.
    pub job: Option<Job>,
    file_count: usize,
    /// Titles of documents that already existed with the same content in the same folder.
    duplicates: Vec<String>,
    rejections: Vec<(RejectedFile, PageError)>,
}

impl IngestResult {
    /// Returns the title of an existing document, if every file existed already.
    pub fn duplicate_title(&self) -> Option<String> {
        let is_all_duplicates =
            self.file_count > 0 && self.duplicates.len() >= self.file_count && self.job.is_none();
        self.duplicates.first().filter(|_| is_all_duplicates).cloned()
    }

    /// Returns the job, if any. Without a job to report them, rejected files are an error.
    pub fn into_job(mut self) -> Result<Option<Job>, PageError> {
        if self.rejections.is_empty() || self.job.is_some() {
            return Ok(self.job);
        }
        if self.file_count == 0 && self.rejections.len() == 1 {
            let (_, error) = self.rejections.remove(0);
            return Err(error);
        }
        let remaining = self.rejections.len().saturating_sub(MAX_LISTED_ERRORS);
        let listed_files = self.rejections.iter().take(MAX_LISTED_ERRORS);
        let mut messages: Vec<_> =
            listed_files.map(|(file, _)| format!("{}: {}", file.name, file.reason)).collect();
        if remaining > 0 {
            messages.push(format!("({remaining} more)"));
        }
        Err(Error::unprocessable(messages.join(" ")).into())
    }
}

/// Adds files, each completely or not at all. Continues if the browser disconnects.
pub async fn ingest(
    site: Data<Site>,
    files: Vec<UploadedFile>,
    mut target: UploadTarget,
    by: By,
) -> Result<IngestResult> {
    if files.is_empty() {
        return Err(Error::invalid("file", "must be chosen first"));
    }
    let (site, is_batch) = (site.into_inner(), files.len() > 1);
    let task = async move {
        let (mut result, mut accepted_names) = (IngestResult::default(), Vec::new());
        for file in files {
            match add(&site, &file, &target, &by).await {
                Ok(Ingested { jobs, added: documents }) => {
                    if !documents.is_empty() && documents.iter().all(|document| document.existed) {
                        result.duplicates.extend(
                            documents.into_iter().take(1).map(|document| document.document.title),
                        );
                    }
                    if let Some(job) = jobs.into_iter().next_back() {
                        // The following files join the job.
                        target.existing_job = Some(job.id);
                        result.job = Some(job);
                    }
                    accepted_names.push(file.name);
                }
                Err(error) => {
                    let page_error = PageError::from(error);
                    // A single rejection is the response, and is logged as one.
                    if let Some(cause) = page_error.cause().filter(|_| is_batch) {
                        log_failure(cause, "failed to read a file");
                    }
                    let reason = page_error.to_string();
                    result.rejections.push((RejectedFile { name: file.name, reason }, page_error));
                }
            }
        }
        result.file_count = accepted_names.len();
        if let Some(job) = target.existing_job {
            let rejected_files = result.rejections.iter().map(|(file, _)| file.clone());
            site.rejected_files.record(job, &accepted_names, rejected_files.collect());
        }
        Ok(result)
    };
    tokio::spawn(language::inherit(task)).await.map_err(Error::internal)?
}

async fn add(site: &Site, file: &UploadedFile, target: &UploadTarget, by: &By) -> Result<Ingested> {
    // When a user uploads a folder, the file names are paths.
    let (directory, name) = file.name.rsplit_once('/').unwrap_or(("", &file.name));
    let top_folder = directory.split('/').find(|part| !part.is_empty());
    let folder = match (&target.folder, top_folder) {
        (None, Some(folder_name)) => Some(Folder::parse(folder_name)?),
        (folder, _) => folder.clone(),
    };
    // A second copy of a document would be cited as a second source.
    let terms =
        Terms { folder, digest: Some(file.digest()), skip_identical: true, ..Terms::default() };
    let details = Details { terms, ..Details::default() };
    let mut incoming_file = file.incoming_file();
    incoming_file.name = name.to_owned();
    let workspaces = target.workspace.iter().cloned().collect();
    let indexing = Indexing::Later { existing_job: target.existing_job };
    site.ports.ingestion.add_file(incoming_file, details, workspaces, indexing, by).await
}
