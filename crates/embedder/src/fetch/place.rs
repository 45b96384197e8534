//! Writes a file next to its final place, verifies it, and then renames it.
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::{ModelFile, OnProgress, Progress};

const BUFFER: usize = 1 << 17;

/// A file being written. It moves into place only when it is complete and verified. Dropping it
/// earlier deletes it.
pub struct Incoming {
    expected: &'static ModelFile,
    file: NamedTempFile,
    hash: Sha256,
    bytes: u64,
}

impl Incoming {
    pub fn create(expected: &'static ModelFile, directory: &Path) -> io::Result<Self> {
        let file = tempfile::Builder::new().prefix(".incoming-").tempfile_in(directory)?;
        Ok(Self { expected, file, hash: Sha256::new(), bytes: 0 })
    }

    /// Appends a part of the file. Fails as soon as the file exceeds its expected size.
    pub fn write(&mut self, part: &[u8], progress: OnProgress<'_>) -> io::Result<()> {
        let ModelFile { name, size, .. } = *self.expected;
        self.bytes += part.len() as u64;
        if self.bytes > size {
            return Err(io::Error::other(format!(
                "{name} is larger than the {size} bytes it should have"
            )));
        }
        self.hash.update(part);
        self.file.write_all(part)?;
        progress(Progress::Read { file: name, bytes: self.bytes, total: size });
        Ok(())
    }

    pub fn finish(self, directory: &Path, progress: OnProgress<'_>) -> io::Result<()> {
        let ModelFile { name, size, sha256 } = *self.expected;
        if self.bytes != size {
            let bytes = self.bytes;
            return Err(io::Error::other(format!("{name} has {bytes} bytes instead of {size}")));
        }
        if hexadecimal(self.hash) != sha256 {
            return Err(io::Error::other(format!("{name} does not have the expected SHA-256")));
        }
        self.file.as_file().sync_all()?;
        readable_by_all(self.file.as_file())?;
        self.file.persist(directory.join(name))?;
        // The rename is durable only after the directory is synced. Errors are ignored, because
        // systems that cannot open a directory sync it themselves.
        if let Ok(directory) = File::open(directory) {
            let _ = directory.sync_all();
        }
        progress(Progress::Placed { file: name });
        Ok(())
    }
}

/// Makes a temporary file readable by all users, because servers of several users may share the
/// model.
#[cfg(unix)]
pub fn readable_by_all(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
pub fn readable_by_all(_: &File) -> io::Result<()> {
    Ok(())
}

/// Copies a file from `source`. Blocks for some hundred milliseconds, which is acceptable in a
/// process that waits for the files.
pub fn copy(
    expected: &'static ModelFile,
    mut source: impl Read,
    into: &Path,
    progress: OnProgress<'_>,
) -> io::Result<()> {
    let mut incoming = Incoming::create(expected, into)?;
    let mut buffer = vec![0; BUFFER];
    loop {
        match source.read(&mut buffer)? {
            0 => return incoming.finish(into, progress),
            length => incoming.write(&buffer[..length], progress)?,
        }
    }
}

/// Copies files from a directory and removes each from `missing` once it is in place.
pub fn copy_all(
    from: &Path,
    missing: &mut Vec<&'static ModelFile>,
    into: &Path,
    progress: OnProgress<'_>,
) -> io::Result<()> {
    while let Some(&file) = missing.last() {
        let source = File::open(from.join(file.name))?;
        copy(file, source, into, progress)?;
        missing.pop();
    }
    Ok(())
}

/// Returns true if the file exists and has the expected content.
pub fn is_intact(expected: &ModelFile, path: &Path) -> io::Result<bool> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if file.metadata()?.len() != expected.size {
        return Ok(false);
    }
    let mut hash = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hexadecimal(hash) == expected.sha256),
            length => hash.update(&buffer[..length]),
        }
    }
}

fn hexadecimal(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
