//! Expands the file arguments of a command.
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// A file to read, or a path that cannot be read and the error.
pub type FileResult = Result<PathBuf, (PathBuf, io::Error)>;

/// Returns the files that `paths` name, in order. A directory stands for every file in it and below
/// whose extension is in `known` (with the dot, in lower case), sorted by name. Hidden files and
/// directories are skipped, and links to directories are not followed.
pub fn collect(paths: &[PathBuf], known: &BTreeSet<String>) -> Vec<FileResult> {
    let mut found = Vec::new();
    for path in paths {
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => walk(path, known, &mut found),
            Ok(metadata) if metadata.is_file() => found.push(Ok(path.clone())),
            Ok(_) => {
                let reason = io::Error::other("it is neither a file nor a directory");
                found.push(Err((path.clone(), reason)));
            }
            Err(error) => found.push(Err((path.clone(), error))),
        }
    }
    found
}

fn walk(directory: &Path, known: &BTreeSet<String>, found: &mut Vec<FileResult>) {
    // A work list instead of recursion, because a deep tree could overflow the stack.
    let mut pending = vec![directory.to_owned()];
    while let Some(path) = pending.pop() {
        let entries = std::fs::read_dir(&path).and_then(|entries| {
            entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()
        });
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                found.push(Err((path, error)));
                continue;
            }
        };
        entries.sort();
        let mut directories = Vec::new();
        for entry in entries.into_iter().filter(|entry| !is_hidden(entry)) {
            let is_link = entry.is_symlink();
            if entry.is_dir() && !is_link {
                directories.push(entry);
            } else if entry.is_file() && is_known(&entry, known) {
                found.push(Ok(entry));
            }
        }
        pending.extend(directories.into_iter().rev());
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn is_known(path: &Path, known: &BTreeSet<String>) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| known.contains(&format!(".{}", extension.to_lowercase())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_stands_for_its_files_of_known_types() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        std::fs::create_dir_all(root.join("b/deep")).unwrap();
        std::fs::create_dir_all(root.join(".git")).unwrap();
        for file in ["a.txt", "b/deep/c.MD", "b/z.txt", "b/picture.png", ".git/d.txt", ".e.txt"] {
            std::fs::write(root.join(file), "x").unwrap();
        }
        let known = BTreeSet::from([".txt".to_owned(), ".md".to_owned()]);
        let found = collect(&[root.to_owned(), root.join("b/picture.png")], &known);
        let found: Vec<_> = found.into_iter().map(|path| path.unwrap()).collect();
        let expected = ["a.txt", "b/z.txt", "b/deep/c.MD", "b/picture.png"];
        assert_eq!(found, expected.map(|path| root.join(path)));
    }

    #[test]
    fn a_missing_file_is_reported_in_its_place() {
        let found = collect(&["/no/such/file.txt".into(), "/dev/null".into()], &BTreeSet::new());
        assert!(found.iter().all(Result::is_err));
        assert_eq!(found.len(), 2);
    }
}
