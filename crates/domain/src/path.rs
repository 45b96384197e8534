//! The path of a document below the documents root: `folder/name.json`.
use std::fmt;

use crate::{Error, Result};

/// A folder and a file name, each a single path segment. Every constructor validates, so a path
/// cannot leave the documents root.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentPath {
    folder: String,
    name: String,
}

/// The name of a folder: a single path segment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Folder(String);

impl Folder {
    /// Parses a name. [`Error::Invalid`] if it is empty, too long, or contains a separator, a
    /// control character or `..`.
    pub fn parse(name: &str) -> Result<Self> {
        segment(name).map_err(|error| match error {
            Error::Invalid { reason, .. } => Error::invalid("folder", reason),
            other => other,
        })?;
        Ok(Self(name.to_owned()))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether this is the default folder, which cannot be deleted.
    pub fn is_default(&self) -> bool {
        self.0 == DEFAULT_FOLDER
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self(DEFAULT_FOLDER.to_owned())
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The folder for uploads that do not name another. It always exists.
pub const DEFAULT_FOLDER: &str = "custom-documents";

/// The maximum length of a path segment, in bytes, on common file systems.
const LONGEST_SEGMENT: usize = 255;
const SUFFIX: &str = ".json";

impl DocumentPath {
    /// Parses `folder/name.json`.
    pub fn parse(text: &str) -> Result<Self> {
        let Some((folder, name)) = text.split_once('/') else {
            return Err(invalid("must be of the form folder/name.json"));
        };
        Self::new(folder, name)
    }

    /// Creates a path from its parts. [`Error::Invalid`] if either part is not a valid segment, or
    /// `name` does not end in `.json`.
    pub fn new(folder: &str, name: &str) -> Result<Self> {
        segment(folder)?;
        // Other servers create names like `.txt-<id>.json` for files that have only an extension.
        // File names of this server never begin with a dot.
        let visible = name.strip_prefix('.').filter(|rest| rest.len() > SUFFIX.len());
        segment(visible.unwrap_or(name))?;
        if !name.ends_with(SUFFIX) || name.len() == SUFFIX.len() {
            return Err(invalid("must end in a file name with the extension .json"));
        }
        Ok(Self { folder: folder.to_owned(), name: name.to_owned() })
    }

    /// Returns the name of the folder.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// Returns the path of the same name in another folder.
    pub fn moved_to(&self, folder: &Folder) -> Self {
        Self { folder: folder.0.clone(), name: self.name.clone() }
    }

    /// Returns the file name, including `.json`.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for DocumentPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.folder, self.name)
    }
}

/// Checks that every operating system treats `text` as one plain file name.
fn segment(text: &str) -> Result<()> {
    if text.is_empty() || text.trim() != text {
        return Err(invalid("has an empty segment or one that begins or ends with white space"));
    }
    if text.starts_with('.') {
        return Err(invalid("has a segment that begins with a dot"));
    }
    if text.len() > LONGEST_SEGMENT {
        return Err(invalid("has a segment longer than 255 bytes"));
    }
    if text.chars().any(|c| c.is_control() || matches!(c, '/' | '\\')) {
        return Err(invalid("has a separator or control character in a segment"));
    }
    Ok(())
}

fn invalid(reason: &'static str) -> Error {
    Error::invalid("document path", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_folder_and_a_file() {
        assert!(DocumentPath::parse("f/.txt-1.json").is_ok());
        let path = DocumentPath::parse("custom-documents/報告.txt-1.json").unwrap();
        assert_eq!((path.folder(), path.name()), ("custom-documents", "報告.txt-1.json"));
        assert_eq!(path.to_string(), "custom-documents/報告.txt-1.json");
    }

    #[test]
    fn nothing_that_could_leave_the_root_is_a_path() {
        let long = format!("a/{}.json", "x".repeat(255));
        for text in [
            "",
            "a",
            "/",
            "a/",
            "/a.json",
            "a/b",
            "a/.json",
            "../a.json",
            "a/../b.json",
            "./a.json",
            "a/b/c.json",
            "a\\b/c.json",
            "a/b\\c.json",
            "a/b\0.json",
            "a/b\n.json",
            " a/b.json",
            "a/..json",
            "a/...json",
            "a/..txt-1.json",
            "a/. x.json",
            ".a/b.json",
            "C:\\a/b.json",
            long.as_str(),
        ] {
            assert!(DocumentPath::parse(text).is_err(), "{text:?}");
        }
    }
}
