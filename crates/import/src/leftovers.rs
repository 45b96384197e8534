//! Data that this server does not use yet. Rows and values are kept sealed below `imported/` in the
//! storage directory, files unchanged. None of it is ever run or shown.
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use carrel_domain::generated_file::GeneratedFile;
use carrel_domain::{Error, Result};
use carrel_services::settings::{SettingsStore, dotenv};
use serde_json::Value;

use crate::report::Report;

/// Folders of the source that are copied, and descriptions of their contents.
const FOLDERS: [(&str, &str); 4] = [
    ("assets", "logo and pictures"),
    ("direct-uploads", "files dropped into chats"),
    ("plugins", "agent skills, flows and MCP servers; none runs"),
    ("push-notifications", "keys of push notifications"),
];

/// Folders of generated files that answers refer to.
const GENERATED: [&str; 2] = ["generated-files", "generated-images"];

/// Returns the folder of the kept data in the storage directory.
pub fn folder(root: &Path) -> PathBuf {
    root.join("imported").join("anythingllm")
}

/// Stores a JSON value, sealed, under a name.
pub fn seal(root: &Path, store: &SettingsStore, name: &str, value: &Value) -> Result<()> {
    let sealed = store.seal(&format!("imported/anythingllm/{name}"), &value.to_string())?;
    let folder = folder(root);
    private(&folder)
        .and_then(|()| write(&folder.join(format!("{name}.sealed")), sealed.as_bytes()))
        .map_err(Error::of_file)
}

/// Adds variables to the environment file of this server, which reads it at its start. Existing
/// variables stay.
pub fn set_environment(root: &Path, variables: &[(String, String)]) -> Result<()> {
    let file = root.join(".env");
    let mut text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Error::of_file(error)),
    };
    let known: Vec<_> = dotenv::parse(&text).0.into_iter().map(|entry| entry.name).collect();
    let new: Vec<_> = variables.iter().filter(|(name, _)| !known.contains(name)).collect();
    if new.is_empty() {
        return Ok(());
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for (name, value) in new {
        text.push_str(&format!("{name}='{value}'\n"));
    }
    write(&file, text.as_bytes()).map_err(Error::of_file)
}

/// Writes a file that only its owner can read.
pub fn write(file: &Path, content: &[u8]) -> io::Result<()> {
    use std::io::Write as _;
    let folder = file.parent().unwrap_or(Path::new("."));
    private(folder)?;
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(content)?;
    temporary.as_file().sync_all()?;
    temporary.persist(file).map(drop).map_err(|error| error.error)
}

fn private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Copies the files to keep; in a dry run, only counts them. Reports files that cannot be copied.
pub fn copy_files(storage: &Path, root: &Path, report: &mut Report) -> Result<()> {
    for (name, words) in FOLDERS {
        let files = files_beneath(&storage.join(name));
        if files.is_empty() {
            continue;
        }
        report.found(&format!("{name}/"), words, files.len() as u64);
        for file in files {
            let Ok(below) = file.strip_prefix(storage) else { continue };
            if report.dry_run || copy(&file, &folder(root).join(below), report)? {
                report.count_kept(&format!("{name}/"), 1);
            }
        }
    }
    for name in GENERATED {
        let files = files_beneath(&storage.join(name));
        if files.is_empty() {
            continue;
        }
        report.found(&format!("{name}/"), "files that answers refer to", files.len() as u64);
        for file in files {
            let named = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            match GeneratedFile::parse(named) {
                Ok(generated) => {
                    if report.dry_run || copy(&file, &generated.path_in(root), report)? {
                        report.imported(&format!("{name}/"), 1);
                    }
                }
                Err(_) => report.leave_out(format!("{name}/{named}: no answer can refer to it")),
            }
        }
    }
    if report.tables.contains_key("generated-images/") {
        report.differ("Generated images are deleted 30 days after the import.");
    }
    Ok(())
}

/// Copies a file, and returns whether it could be read. The copy gets the current time, because old
/// files are deleted.
fn copy(from: &Path, to: &Path, report: &mut Report) -> Result<bool> {
    let content = match fs::read(from) {
        Ok(content) => content,
        Err(error) => {
            report.leave_out(format!("{}: {error}", from.display()));
            return Ok(false);
        }
    };
    write(to, &content).map_err(Error::of_file)?;
    Ok(true)
}

/// Returns the regular files in a folder and below, in order. Links are not followed.
fn files_beneath(folder: &Path) -> Vec<PathBuf> {
    let (mut pending, mut files) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = pending.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => pending.push(entry.path()),
                Ok(kind) if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files.sort();
    files
}
