//! Archives of documents (`.zip`): each document is read by the reader of its type.
use carrel_domain::document::Extracted;

use super::Input;
use super::archive::Archive;
use super::embedded::Embedded;
use super::extract_error::ExtractError;

/// Maximum number of documents of an archive.
const MAX_FILES: usize = 1_000;

pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, ExtractError> {
    let mut archive = Archive::open(input, "an archive (.zip)")?;
    let mut names: Vec<_> = archive.names().into_iter().filter(|name| !is_overhead(name)).collect();
    names.sort();
    if names.len() > MAX_FILES {
        return Err(ExtractError::too_many_entries(MAX_FILES));
    }
    let mut embedded = Embedded::default();
    for name in names {
        embedded.read_named(input, &mut archive, &name, &name)?;
    }
    let documents = embedded.into_documents();
    // The warnings say why no file was read.
    if documents.is_empty() { Err(ExtractError::empty()) } else { Ok(documents) }
}

/// Folders, and files that operating systems add to archives.
fn is_overhead(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.is_empty() || name.starts_with("__MACOSX/") || file.starts_with('.') || file == "Thumbs.db"
}
