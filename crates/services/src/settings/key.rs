//! The key that seals secrets, and its file.
use std::fmt;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use carrel_domain::audit::AuditKey;
use carrel_domain::{Error, Result};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;

/// A key of 256 random bits, written as 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Zeroizing<[u8; KEY_BYTES]>);

impl Key {
    /// Generates a key from the system's random source.
    pub fn random() -> Self {
        Self(Zeroizing::new(rand::random()))
    }

    /// Parses 64 hexadecimal digits with optional surrounding white space.
    ///
    /// # Errors
    /// [`Error::Invalid`], without the text.
    pub fn parse(text: &str) -> Result<Self> {
        let digits = text.trim().as_bytes();
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        let value = |digit: u8| char::from(digit).to_digit(16);
        let is_key = digits.len() == 2 * KEY_BYTES && digits.iter().all(|c| value(*c).is_some());
        if !is_key {
            return Err(Error::invalid("the secret key", "must be 64 hexadecimal digits"));
        }
        for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            let digits = value(pair[0]).unwrap_or(0) << 4 | value(pair[1]).unwrap_or(0);
            *byte = u8::try_from(digits).unwrap_or(0);
        }
        Ok(Self(key))
    }

    /// Reads the key from the file at `path`, or creates the file with a new key. The file is
    /// readable by its owner only and is created atomically: if several processes create it at
    /// once, all use the same key. Blocking.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the file does not hold a key, because overwriting it would make
    /// all secrets unreadable. [`Error::Internal`] if it can neither be read nor created.
    pub fn read_or_create(path: &Path) -> Result<Self> {
        if let Some(key) = Self::read(path)? {
            return Ok(key);
        }
        let key = Self::random();
        if key.create(path).map_err(|error| file_error("create", path, error))? {
            return Ok(key);
        }
        let missing = || file_error("read", path, std::io::ErrorKind::NotFound.into());
        Self::read(path)?.ok_or_else(missing)
    }

    fn read(path: &Path) -> Result<Option<Self>> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                return Err(damaged_key(path));
            }
            Err(error) => return Err(file_error("read", path, error)),
        };
        restrict_permissions(path);
        Self::parse(&text).map(Some).map_err(|_| damaged_key(path))
    }

    /// Creates the file. Returns `false` if it already exists.
    fn create(&self, path: &Path) -> std::io::Result<bool> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        let mut text = Zeroizing::new(String::with_capacity(2 * KEY_BYTES + 1));
        for byte in self.0.iter() {
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(path) {
            Ok(_) => super::dump::sync_folder(folder).map(|()| true),
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error.error),
        }
    }

    /// Derives the key that seals the audit log. It cannot be used to open secrets.
    pub fn audit_key(&self) -> AuditKey {
        let mut hash = Sha256::new();
        hash.update(b"carrel audit log\0");
        hash.update(self.bytes());
        AuditKey::new(hash.finalize().into())
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Restricts a key file that others can read, for example after a careless restore, to its owner.
fn restrict_permissions(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).map(|file| file.permissions().mode());
        if mode.is_ok_and(|mode| mode & 0o077 != 0) {
            tracing::warn!(
                "{} was readable for other users; its permissions are now restricted",
                path.display()
            );
            let permissions = std::fs::Permissions::from_mode(0o600);
            if let Err(error) = std::fs::set_permissions(path, permissions) {
                tracing::warn!("failed to restrict the permissions of {}: {error}", path.display());
            }
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}

fn damaged_key(path: &Path) -> Error {
    let remedy = "restore the file from a backup, or remove it and set every secret again";
    let reason = format!("{} does not contain a key; {remedy}", path.display());
    Error::unavailable("the secret store", reason)
}

fn file_error(action: &str, path: &Path, error: std::io::Error) -> Error {
    let text = format!("failed to {action} the secret key at {}: {error}", path.display());
    Error::internal(std::io::Error::new(error.kind(), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_created_once_and_then_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let keys: Vec<_> = std::thread::scope(|scope| {
            let open = || scope.spawn(|| Key::read_or_create(&path).unwrap());
            let threads: Vec<_> = (0..8).map(|_| open()).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
        assert_eq!(Key::read_or_create(&path).unwrap(), keys[0]);
        assert_ne!(keys[0], Key::random());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(Key::parse(&text.to_uppercase()).unwrap(), keys[0]);
    }

    #[cfg(unix)]
    #[test]
    fn a_key_is_readable_by_its_owner_only_even_after_a_restore() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        Key::read_or_create(&path).unwrap();
        assert_eq!(mode(), 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        Key::read_or_create(&path).unwrap();
        assert_eq!(mode(), 0o600);
    }

    #[test]
    fn a_damaged_key_is_reported_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        for bytes in [&b""[..], b"12", &[0xff; 64], "é".repeat(32).as_bytes(), &[b'+'; 64]] {
            std::fs::write(&path, bytes).unwrap();
            let error = Key::read_or_create(&path).unwrap_err();
            assert!(error.to_string().contains("from a backup"), "{error}");
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
        }
        assert!(Key::read_or_create(&folder.path().join("none/key")).is_err());
        assert_eq!(format!("{:?}", Key::random()), "***");
    }
}
