//! Restoring an archive to a storage directory, completely or not at all.
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek};
use std::path::{Path, PathBuf};

use carrel_domain::{Error, Result};
use tempfile::TempDir;

use super::DATABASE;
use super::archive::{self, BackupManifest, DiscardSink, Sink};
use super::staging::failed;

/// A restored storage directory before it is moved into place. Dropping it deletes the files.
pub struct RestoredStorage {
    /// The manifest of the archive.
    pub manifest: BackupManifest,
    directory: TempDir,
    root: PathBuf,
}

impl RestoredStorage {
    /// Returns the path of the restored database, for inspection.
    pub fn database(&self) -> Option<PathBuf> {
        self.manifest.database.then(|| self.directory.path().join(DATABASE))
    }

    /// Moves the directory into place atomically.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] if the target is no longer vacant.
    pub fn install(self) -> Result<BackupManifest> {
        let Self { manifest, directory, root } = self;
        check_vacant(&root)?;
        sync(directory.path()).map_err(|error| failed("write to the disk", error))?;
        // On Unix, a rename replaces an empty directory; elsewhere it must be removed first.
        if cfg!(not(unix)) {
            let _ = fs::remove_dir(&root);
        }
        fs::rename(directory.path(), &root)
            .map_err(|error| failed("put the storage directory in its place", error))?;
        let _ = directory.keep();
        if let Some(parent) = root.parent() {
            let _ = sync(parent);
        }
        Ok(manifest)
    }
}

/// Verifies the archive completely, then unpacks it into a directory next to `root`. Blocking.
///
/// # Errors
/// [`Error::AlreadyExists`] if `root` is anything but an empty directory, [`Error::Unprocessable`]
/// if the archive is damaged.
pub fn unpack(archive: &mut File, root: &Path) -> Result<RestoredStorage> {
    check_vacant(root)?;
    archive::read(&mut *archive, &mut DiscardSink)?;
    archive.rewind().map_err(|error| failed("read the archive again", error))?;
    let parent = root.parent().filter(|parent| *parent != Path::new(""));
    let parent = parent.unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(|error| failed("create the parent directory", error))?;
    let directory = tempfile::Builder::new().prefix(".carrel-restore-").tempdir_in(parent);
    let directory = directory.map_err(|error| failed("create the storage directory", error))?;
    let manifest = archive::read(archive, &mut DirectorySink(directory.path()))?;
    Ok(RestoredStorage { manifest, directory, root: root.to_owned() })
}

/// Checks that a path does not exist or is an empty directory.
fn check_vacant(root: &Path) -> Result<()> {
    let occupied =
        || Err(Error::AlreadyExists { kind: "storage", key: root.display().to_string() });
    match fs::read_dir(root) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                occupied()
            } else {
                Ok(())
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotADirectory => occupied(),
        Err(error) => Err(failed("read the storage directory", error)),
    }
}

fn sync(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

/// Creates each file below a directory once, readable by the owner only.
struct DirectorySink<'a>(&'a Path);

impl Sink for DirectorySink<'_> {
    fn folder(&mut self, name: &Path) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(self.0.join(name))
    }

    fn file(&mut self, name: &Path, from: &mut dyn Read) -> io::Result<()> {
        if let Some(folder) = name.parent().filter(|folder| *folder != Path::new("")) {
            self.folder(folder)?;
        }
        let mut options = OpenOptions::new();
        options.create_new(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(self.0.join(name))?;
        io::copy(from, &mut file)?;
        file.sync_all()
    }
}
