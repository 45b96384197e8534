//! Files of a job's upload that could not be read, with the reasons. They are not documents, so
//! only this process stores them, up to a limit.
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use carrel_domain::JobId;

/// Maximum number of stored jobs, and of files per job.
const MAX_JOBS: usize = 64;
const MAX_FILES: usize = 256;

/// A file that could not be read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedFile {
    pub name: String,
    pub reason: String,
}

/// Rejected files by job; the newest job is last.
#[derive(Default)]
pub struct RejectedFiles(Mutex<VecDeque<(JobId, Vec<RejectedFile>)>>);

impl RejectedFiles {
    /// Records rejected files, replacing earlier entries of the same files.
    pub fn record(&self, job: JobId, accepted_names: &[String], rejected: Vec<RejectedFile>) {
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = jobs.iter().position(|(id, _)| *id == job);
        if index.is_none() && rejected.is_empty() {
            return;
        }
        let (_, mut files) =
            index.and_then(|index| jobs.remove(index)).unwrap_or((job, Vec::new()));
        let is_reported = |file: &RejectedFile| {
            accepted_names.contains(&file.name) || rejected.iter().any(|new| new.name == file.name)
        };
        files.retain(|file| !is_reported(file));
        files.extend(rejected);
        files.truncate(MAX_FILES);
        jobs.push_back((job, files));
        while jobs.len() > MAX_JOBS {
            jobs.pop_front();
        }
    }

    pub fn for_job(&self, job: JobId) -> Vec<RejectedFile> {
        let jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = jobs.iter().find(|(id, _)| *id == job);
        found.map(|(_, files)| files.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> RejectedFile {
        RejectedFile { name: name.into(), reason: "no".into() }
    }

    #[test]
    fn files_that_are_read_later_and_the_oldest_jobs_are_forgotten() {
        let rejected_files = RejectedFiles::default();
        rejected_files.record(JobId(1), &[], vec![file("a"), file("b")]);
        rejected_files.record(JobId(1), &["a".into()], vec![file("b"), file("c")]);
        assert_eq!(rejected_files.for_job(JobId(1)), [file("b"), file("c")]);
        for job in 2..100 {
            rejected_files.record(
                JobId(job),
                &[],
                (0..1000).map(|n| file(&n.to_string())).collect(),
            );
        }
        assert_eq!(rejected_files.for_job(JobId(1)), []);
        assert_eq!(rejected_files.for_job(JobId(99)).len(), MAX_FILES);
        rejected_files.record(JobId(100), &["a".into()], Vec::new());
        assert_eq!(rejected_files.for_job(JobId(100)), []);
    }
}
