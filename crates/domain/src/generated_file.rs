//! Names of generated files that users can download.
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The name of a generated file: letters, a dash, 36 hexadecimal digits or dashes, a dot, and an
/// extension. It is a single path segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedFile(String);

/// The directory of generated pictures, relative to the storage directory.
pub const PICTURES: &str = "generated-images";

/// The directory of other generated files.
const FILES: &str = "generated-files";

/// The maximum length of a name, in bytes.
const LONGEST: usize = 120;

impl GeneratedFile {
    /// Parses a name. [`crate::Error::Invalid`] unless it has the form that this server generates.
    pub fn parse(name: &str) -> Result<Self> {
        match is_one(name) {
            true => Ok(Self(name.to_owned())),
            false => Err(Error::invalid("filename", "Invalid filename format")),
        }
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the path of the file below the storage directory.
    pub fn path_in(&self, root: &Path) -> PathBuf {
        root.join(if self.0.starts_with("img-") { PICTURES } else { FILES }).join(&self.0)
    }
}

fn is_one(name: &str) -> bool {
    let Some((kind, rest)) = name.split_once('-') else { return false };
    let Some((id, ending)) = rest.split_once('.') else { return false };
    name.len() <= LONGEST
        && !kind.is_empty()
        && kind.bytes().all(|byte| byte.is_ascii_alphabetic())
        && id.len() == 36
        && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
        && !ending.is_empty()
        && ending.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_have_their_own_directory() {
        let id = "00000000-0000-4000-8000-00000000000A";
        for (name, directory) in [("img", PICTURES), ("pdf", FILES), ("image", FILES)] {
            let file = GeneratedFile::parse(&format!("{name}-{id}.png")).unwrap();
            let lies = Path::new("/s").join(directory).join(file.as_str());
            assert_eq!(file.path_in(Path::new("/s")), lies);
        }
    }

    #[test]
    fn a_name_is_a_single_path_segment() {
        let id = "00000000-0000-4000-8000-00000000000A";
        for name in [format!("pdf-{id}.pdf"), format!("Text-{id}.tar_gz")] {
            assert_eq!(GeneratedFile::parse(&name).unwrap().as_str(), name);
        }
        for name in [
            "",
            "foo.txt",
            "../x",
            &format!("../pdf-{id}.pdf"),
            &format!("pdf-{id}"),
            &format!("pdf-{id}."),
            &format!("pdf-{id}.a/b"),
            &format!("pdf-{id}.tar.gz"),
            &format!("-{id}.pdf"),
            &format!("pdf1-{id}.pdf"),
            &format!("pdf-{}.pdf", &id[1..]),
            &format!("pdf-{id}.p\0"),
            &format!("pdf-{id}.é"),
            &format!("{}-{id}.pdf", "x".repeat(100)),
        ] {
            assert!(GeneratedFile::parse(name).is_err(), "{name}");
        }
    }
}
