//! State that pages share while this process runs: answers in progress, failed drafts and rejected
//! files. Nothing here survives a restart.
pub mod answers;
pub mod failed_drafts;
pub mod rejected_files;
