//! Archives of documents (`.zip`): each of them by the reader of its type.
use carrel_domain::document::Extracted;

use super::archive::Archive;
use super::fault::Fault;
use super::{Input, embedded, extension, formats};

/// Documents of one archive.
const MOST_FILES: usize = 1_000;

pub fn read(input: &Input<'_>) -> Result<Vec<Extracted>, Fault> {
    let mut archive = Archive::open(input, "an archive (.zip)")?;
    let mut left_out = Vec::new();
    let mut names: Vec<_> = archive.names().into_iter().filter(|name| !is_overhead(name)).collect();
    names.sort();
    if names.len() > MOST_FILES {
        return Err(Fault::too_many_entries(MOST_FILES));
    }
    let mut documents = Vec::new();
    for name in names {
        if extension(&name).is_none_or(|extension| !formats::is_read(&extension)) {
            left_out.push(name);
            continue;
        }
        let Some(bytes) = archive.bytes(&name)? else { continue };
        match embedded::documents(input, &name, &bytes) {
            Some(made) => documents.extend(made),
            None => left_out.push(name),
        }
    }
    if documents.is_empty() {
        let named: Vec<_> = left_out.iter().take(10).map(String::as_str).collect();
        return Err(Fault::Empty(Some(format!(
            "It holds no file that can be read: {}.",
            named.join(", ")
        ))));
    }
    Ok(documents)
}

/// Folders, and what systems add to archives.
fn is_overhead(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.is_empty() || name.starts_with("__MACOSX/") || file.starts_with('.') || file == "Thumbs.db"
}
