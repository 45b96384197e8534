//! Documents: the files in the source's folder. The files are authoritative: most documents are in
//! no workspace and in no table.
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use carrel_domain::document::{Document, DocumentOrigin, LARGEST_METADATA, NO_METADATA, Published};
use carrel_domain::{DocumentId, DocumentPath, Error, Folder, Result, Warnings};
use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::report::Report;
use crate::surrogates::repair;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 512 << 20;

/// Standard fields of a document. All others become its metadata.
const FIELDS: [&str; 12] = [
    "id",
    "url",
    "title",
    "docAuthor",
    "description",
    "docSource",
    "chunkSource",
    "published",
    "wordCount",
    "pageContent",
    "token_count_estimate",
    "metadata",
];

/// The contents of the folder of documents.
#[derive(Debug, Default)]
pub struct Scan {
    pub files: Vec<(DocumentPath, PathBuf)>,
    pub folders: Vec<Folder>,
}

/// Finds the files that are documents, and reports all other files.
pub fn scan(root: &Path, report: &mut Report) -> Result<Scan> {
    let mut scan = Scan::default();
    if !root.is_dir() {
        report.leave_out("documents: there is no folder `documents`");
        return Ok(scan);
    }
    for entry in entries(root)? {
        let name = name_of(&entry);
        if !entry.is_dir() || entry.is_symlink() {
            if name != ".DS_Store" {
                report.leave_out(format!("documents/{name}: it is not in a folder"));
            }
            continue;
        }
        match Folder::parse(&name) {
            Ok(folder) => {
                scan_folder(&entry, &folder, &mut scan, report)?;
                scan.folders.push(folder);
            }
            Err(error) => report.leave_out(format!("documents/{name}: {error}")),
        }
    }
    Ok(scan)
}

fn scan_folder(
    directory: &Path,
    folder: &Folder,
    scan: &mut Scan,
    report: &mut Report,
) -> Result<()> {
    for entry in entries(directory)? {
        let name = name_of(&entry);
        let shown = format!("documents/{folder}/{name}");
        if entry.is_symlink() {
            report.leave_out(format!("{shown}: it is a symbolic link"));
        } else if entry.is_dir() {
            for file in files_beneath(&entry)? {
                let file = file.strip_prefix(directory).unwrap_or(&file).display().to_string();
                report.leave_out(format!(
                    "documents/{folder}/{file}: it is in a nested folder, where its server did not \
                     look"
                ));
            }
        } else if name.ends_with(".json") {
            match DocumentPath::new(folder.as_str(), &name) {
                Ok(path) => scan.files.push((path, entry)),
                Err(error) => report.leave_out(format!("{shown}: {error}")),
            }
        } else {
            report.leave_out(format!("{shown}: it is not a document"));
        }
    }
    Ok(())
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).and_then(|entries| {
        entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()
    });
    let mut entries = entries.map_err(|error| {
        Error::unprocessable(format!("failed to read {}: {error}", directory.display()))
    })?;
    entries.sort();
    Ok(entries)
}

fn files_beneath(directory: &Path) -> Result<Vec<PathBuf>> {
    let (mut pending, mut files) = (vec![directory.to_owned()], Vec::new());
    while let Some(directory) = pending.pop() {
        for entry in entries(&directory)? {
            match entry.is_dir() && !entry.is_symlink() {
                true => pending.push(entry),
                false => files.push(entry),
            }
        }
    }
    Ok(files)
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A document that was read but not stored yet.
#[derive(Debug)]
pub struct Read {
    pub document: Document,
    pub text: String,
    /// The encrypted keys of its connector, removed from `chunk_source`.
    pub payload: Option<String>,
    /// Descriptions of changes to the document.
    pub changes: Vec<String>,
}

/// Reads a file of the source. `taken` holds the ids of documents read before.
///
/// # Errors
/// Returns why the file is not a document, as the end of a sentence about it.
pub fn read(
    path: &DocumentPath,
    file: &Path,
    used_ids: &mut HashSet<Uuid>,
) -> std::result::Result<Read, String> {
    let metadata = fs::metadata(file).map_err(|error| error.to_string())?;
    if metadata.len() > LARGEST {
        return Err(format!("it is larger than {LARGEST} bytes"));
    }
    let bytes = fs::read(file).map_err(|error| error.to_string())?;
    let text = String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let fields: Map<String, Value> =
        serde_json::from_str(&repair(text)).map_err(|error| format!("it is damaged: {error}"))?;
    if !fields.contains_key("id") && !fields.contains_key("url") {
        return Err("it has neither an id nor a source; its server did not list it".into());
    }
    let modified = metadata.modified().map(DateTime::<Utc>::from);
    from_fields(path, fields, modified.unwrap_or_default(), used_ids)
}

/// Creates a document from the fields of its file.
pub fn from_fields(
    path: &DocumentPath,
    mut fields: Map<String, Value>,
    created_at: DateTime<Utc>,
    used_ids: &mut HashSet<Uuid>,
) -> std::result::Result<Read, String> {
    let mut changes = Vec::new();
    let Some(Value::String(text)) = fields.remove("pageContent") else {
        return Err("it has no text".to_owned());
    };
    let text_of =
        |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |name: &str| {
        let number = fields.get(name).and_then(Value::as_f64).filter(|number| *number >= 0.0);
        number.map(|number| number as i32)
    };
    let id = Uuid::parse_str(&text_of("id")).ok().filter(|id| !used_ids.contains(id));
    let id = id.unwrap_or_else(|| {
        changes.push("its id is missing or taken; it gets a new one".to_owned());
        DocumentId::random().0
    });
    used_ids.insert(id);
    let (chunk_source, payload) = without_payload(&text_of("chunkSource"));
    let title = Some(text_of("title")).filter(|title| !title.trim().is_empty());
    let published = text_of("published");
    let metadata = metadata(&fields, &mut changes);
    let document = Document {
        id: DocumentId(id),
        path: path.clone(),
        title: title.unwrap_or_else(|| path.name().trim_end_matches(".json").to_owned()),
        url: text_of("url"),
        author: text_of("docAuthor"),
        description: text_of("description"),
        source: text_of("docSource"),
        chunk_source,
        published: Published(published_at(&published)),
        words: number("wordCount").unwrap_or_else(|| count(text.split(' ').count())),
        tokens: number("token_count_estimate").unwrap_or_else(|| count(text.len() / 4)),
        digest: Sha256::digest(text.as_bytes()).into(),
        created_at,
        metadata,
        origin: DocumentOrigin::default(),
        warnings: Warnings::default(),
    };
    Ok(Read { document, text, payload, changes })
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// Returns the fields that this server's documents do not have, as a JSON object.
fn metadata(fields: &Map<String, Value>, changes: &mut Vec<String>) -> String {
    let unknown = fields.iter().filter(|(name, _)| !FIELDS.contains(&name.as_str()));
    let mut object: Map<String, Value> =
        unknown.map(|(name, value)| (name.clone(), value.clone())).collect();
    if let Some(Value::Object(inner)) = fields.get("metadata") {
        object.extend(inner.clone());
    }
    if object.is_empty() {
        return NO_METADATA.to_owned();
    }
    let text = Value::Object(object).to_string();
    // The database cannot store NUL.
    if text.len() > LARGEST_METADATA || text.contains("\\u0000") {
        changes.push("its additional fields are too large and are left out".to_owned());
        return NO_METADATA.to_owned();
    }
    text
}

/// Removes the connector's encrypted keys from the source of a document, because lists, sources and
/// exports would show them.
fn without_payload(source: &str) -> (String, Option<String>) {
    let Some((at, length)) = ["?payload=", "&payload="]
        .iter()
        .find_map(|mark| source.find(mark).map(|at| (at, mark.len())))
    else {
        return (source.to_owned(), None);
    };
    let rest = &source[at + length..];
    let end = rest.find('&').unwrap_or(rest.len());
    let (payload, remainder) = rest.split_at(end);
    let joint = if source[at..].starts_with('?') && !remainder.is_empty() { "?" } else { "" };
    let remainder = if joint.is_empty() { remainder } else { &remainder[1..] };
    (format!("{}{joint}{remainder}", &source[..at]), Some(payload.to_owned()))
}

/// Parses the time of a document, in US format or ISO 8601. The time zone is unknown; UTC is
/// assumed, which servers in containers use.
fn published_at(text: &str) -> Option<DateTime<Utc>> {
    let text = text.replace(['\u{202f}', '\u{a0}'], " ");
    if let Ok(time) = DateTime::parse_from_rfc3339(text.trim()) {
        return Some(time.to_utc());
    }
    let formats = ["%m/%d/%Y, %I:%M:%S %p", "%m/%d/%Y %I:%M:%S %p", "%F %T"];
    let parsed =
        formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text.trim(), format).ok());
    parsed.map(|time| time.and_utc())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_text(text: &str, used_ids: &mut HashSet<Uuid>) -> std::result::Result<Read, String> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.json");
        fs::write(&file, text).unwrap();
        read(&DocumentPath::parse("f/a.json").unwrap(), &file, used_ids)
    }

    #[test]
    fn a_file_becomes_a_document_with_all_its_fields() {
        let file = json!({
            "id": "0b9c8d4e-4a0b-4c54-9b4e-0d5f6a7b8c9d", "url": "https://w.test", "title": "T",
            "docAuthor": "a", "description": "d", "docSource": "s",
            "chunkSource": "confluence://https://w.test/1?payload=ab:cd", "published": "3/1/2024, 9:00:00\u{202f}PM",
            "wordCount": 9.0, "pageContent": "Text 😀", "token_count_estimate": 11, "shelf": "B7",
        });
        let mut used_ids = HashSet::new();
        let read = read_text(&format!("\u{feff}{file}"), &mut used_ids).unwrap();
        let Read { document, text, payload, changes } = read;
        assert_eq!((text.as_str(), payload.as_deref()), ("Text 😀", Some("ab:cd")));
        assert_eq!(document.chunk_source, "confluence://https://w.test/1");
        assert_eq!(document.published.to_string(), "3/1/2024, 9:00:00 PM");
        assert_eq!((document.words, document.tokens), (9, 11));
        assert_eq!((document.metadata.as_str(), changes.len()), (r#"{"shelf":"B7"}"#, 0));
        let again = read_text(&file.to_string(), &mut used_ids).unwrap();
        assert!(again.document.id != document.id && again.changes.len() == 1);
    }

    #[test]
    fn a_file_that_is_not_a_document_is_refused_with_a_reason() {
        let mut used_ids = HashSet::new();
        for (text, reason) in [
            ("{\"id\":\"x\",\"pageContent\":\"half", "damaged"),
            ("{\"title\":\"t\",\"pageContent\":\"x\"}", "neither an id"),
            ("{\"id\":\"x\",\"pageContent\":5}", "no text"),
            ("[]", "damaged"),
            ("", "damaged"),
        ] {
            let error = read_text(text, &mut used_ids).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
        let cut = read_text(r#"{"id":"x","pageContent":"cut \ud83d"}"#, &mut used_ids).unwrap();
        assert_eq!((cut.text.as_str(), cut.document.title.as_str()), ("cut \u{fffd}", "a"));
    }

    #[test]
    fn payloads_are_removed_and_the_rest_of_an_address_stays() {
        for (source, expected) in [
            ("link://a.test/?q=1", "link://a.test/?q=1"),
            ("github://a?payload=x", "github://a"),
            ("github://a?payload=x&b=1", "github://a?b=1"),
            ("github://a?b=1&payload=x&c=2", "github://a?b=1&c=2"),
            ("", ""),
        ] {
            assert_eq!(without_payload(source).0, expected, "{source}");
        }
    }

    #[test]
    fn only_files_one_folder_deep_are_documents() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        for folder in ["custom-documents", "nested/deeper", "leerer Ordner"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        for file in [
            "custom-documents/.txt-1.json",
            "custom-documents/a.json",
            "README.md",
            "custom-documents/.DS_Store",
            "nested/deeper/b.json",
            "custom-documents/a.md",
        ] {
            fs::write(root.join(file), "{}").unwrap();
        }
        let mut report = Report::default();
        let scan = scan(root, &mut report).unwrap();
        let files: Vec<_> = scan.files.iter().map(|(path, _)| path.to_string()).collect();
        assert_eq!(files, ["custom-documents/.txt-1.json", "custom-documents/a.json"]);
        assert_eq!(scan.folders.len(), 3);
        assert_eq!(report.left_out.len(), 4, "{:?}", report.left_out);
    }
}
