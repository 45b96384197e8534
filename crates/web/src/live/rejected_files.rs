//! Files of a job's upload that could not be read, with the reasons. They are not documents, so
//! they are kept only here, up to a limit.
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use carrel_domain::JobId;

/// Most jobs that are remembered, and most files per job.
const JOBS: usize = 64;
const FILES: usize = 256;

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
    pub fn note(&self, job: JobId, read: &[String], unread: Vec<RejectedFile>) {
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = jobs.iter().position(|(known, _)| *known == job);
        if at.is_none() && unread.is_empty() {
            return;
        }
        let (_, mut files) = at.and_then(|at| jobs.remove(at)).unwrap_or((job, Vec::new()));
        let is_told = |file: &RejectedFile| {
            read.contains(&file.name) || unread.iter().any(|new| new.name == file.name)
        };
        files.retain(|file| !is_told(file));
        files.extend(unread);
        files.truncate(FILES);
        jobs.push_back((job, files));
        while jobs.len() > JOBS {
            jobs.pop_front();
        }
    }

    pub fn of(&self, job: JobId) -> Vec<RejectedFile> {
        let jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = jobs.iter().find(|(known, _)| *known == job);
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
        let unread = RejectedFiles::default();
        unread.note(JobId(1), &[], vec![file("a"), file("b")]);
        unread.note(JobId(1), &["a".into()], vec![file("b"), file("c")]);
        assert_eq!(unread.of(JobId(1)), [file("b"), file("c")]);
        for job in 2..100 {
            unread.note(JobId(job), &[], (0..1000).map(|n| file(&n.to_string())).collect());
        }
        assert_eq!(unread.of(JobId(1)), []);
        assert_eq!(unread.of(JobId(99)).len(), FILES);
        unread.note(JobId(100), &["a".into()], Vec::new());
        assert_eq!(unread.of(JobId(100)), []);
    }
}
