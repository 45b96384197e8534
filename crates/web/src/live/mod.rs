//! State that pages share while this process runs: answers that are being given, drafts that came to nothing,
//! files that could not be read. Nothing here outlives the process.
pub mod answers;
pub mod failed_drafts;
pub mod rejected_files;
