//! Files on their way in: read into the library one after another, then placed by a job, which goes
//! on by itself and can be followed.
use actix_web::web::Data;
use carrel_domain::audit::By;
use carrel_domain::job::Job;
use carrel_domain::workspace::Workspace;
use carrel_domain::{DocumentPath, Error, Folder, JobId, Result};
use carrel_services::library::{Details, Terms, Unembedded};

use crate::refusal::Refusal;
use crate::site::Site;
use crate::unread::UnreadFile;
use crate::upload::UploadedFile;

/// How many refusals are told of in one sentence.
const TOLD: usize = 8;

/// What is to become of files.
pub struct Intake {
    /// The workspace they are to be placed in, if any.
    pub into: Option<Workspace>,
    /// The folder they are to lie in; without one, that which was chosen with them as a whole.
    pub folder: Option<Folder>,
    /// The job that has the files before them.
    pub along: Option<JobId>,
}

/// What became of them.
#[derive(Default)]
pub struct Taken {
    /// The job that places them, if any could be read and they are to be placed.
    pub job: Option<Job>,
    added: usize,
    refused: Vec<(UnreadFile, Refusal)>,
}

impl Taken {
    /// The job, if any. Refuses if nothing was taken in, or what was refused is told nowhere else.
    pub fn or_refused(mut self) -> Result<Option<Job>, Refusal> {
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

/// Takes files in. Goes on when whoever sent them stops waiting.
pub async fn take_in(
    site: Data<Site>,
    files: Vec<UploadedFile>,
    how: Intake,
    by: By,
) -> Result<Taken> {
    if files.is_empty() {
        return Err(Error::invalid("file", "must be chosen first"));
    }
    let (site, is_one_of_many) = (site.into_inner(), files.len() > 1);
    let work = async move {
        let (mut taken, mut paths, mut read) = (Taken::default(), Vec::new(), Vec::new());
        for file in files {
            match add(&site, &file, &how, &by).await {
                Ok(more) => {
                    paths.extend(more);
                    read.push(file.name);
                }
                Err(error) => {
                    let refusal = Refusal::from(error);
                    // A single refusal is the answer, and logged as such.
                    if let Some(cause) = refusal.cause().filter(|_| is_one_of_many) {
                        tracing::error!(error = cause, "failed to take a file in");
                    }
                    let reason = refusal.to_string();
                    taken.refused.push((UnreadFile { name: file.name, reason }, refusal));
                }
            }
        }
        taken.added = read.len();
        if let Some(workspace) = how.into.filter(|_| !paths.is_empty()) {
            let workers = &site.ports.workers;
            taken.job = Some(match how.along {
                Some(along) => workers.embed_along(along, &workspace, paths, &by).await?,
                None => workers.embed_later(&workspace, paths, &by).await?,
            });
        }
        if let Some(job) = taken.job.as_ref().map(|job| job.id).or(how.along) {
            let refused = taken.refused.iter().map(|(file, _)| file.clone());
            site.unread.note(job, &read, refused.collect());
        }
        Ok(taken)
    };
    tokio::spawn(work).await.map_err(Error::internal)?
}

async fn add(site: &Site, file: &UploadedFile, how: &Intake, by: &By) -> Result<Vec<DocumentPath>> {
    // A folder that is chosen as a whole sends the ways to its files.
    let (within, name) = file.name.rsplit_once('/').unwrap_or(("", &file.name));
    let top = within.split('/').find(|part| !part.is_empty());
    let folder = match (&how.folder, top) {
        (None, Some(top)) => Some(Folder::parse(top)?),
        (folder, _) => folder.clone(),
    };
    let details = Details { terms: Terms { folder, ..Terms::default() }, ..Details::default() };
    let mut incoming = file.incoming();
    incoming.name = name.to_owned();
    let library = &site.ports.library;
    let added = library.add_file(incoming, details, Vec::new(), Unembedded::Refuse, by).await;
    Ok(added?.into_iter().map(|added| added.document.path).collect())
}
