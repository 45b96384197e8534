//! Restores documents whose file is missing from the vector cache, which stores the text of each
//! vector.
use std::collections::HashSet;
use std::fs;
use std::path::Path;

use carrel_domain::DocumentPath;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::documents::{Read, from_fields};
use crate::surrogates::repair;

/// The largest file of the cache that is read, in bytes.
const LARGEST: u64 = 512 << 20;

/// End of the header above the text of each chunk.
const HEADER_END: &str = "</document_metadata>";

/// The longest overlap of two consecutive chunks, in characters.
const LONGEST_OVERLAP: usize = 4_000;

/// The shortest overlap, in bytes; one or two letters match by chance.
const SHORTEST_OVERLAP: usize = 3;

/// A vector of the cache, without its numbers.
#[derive(Deserialize)]
struct Cached {
    metadata: Map<String, Value>,
}

/// Restores the document of `docpath`, given as in the source's database.
pub fn recover(
    cache: &Path,
    docpath: &str,
    path: &DocumentPath,
    now: DateTime<Utc>,
    used_ids: &mut HashSet<Uuid>,
) -> Option<Read> {
    let name = Uuid::new_v5(&Uuid::NAMESPACE_URL, docpath.as_bytes());
    let file = cache.join(format!("{name}.json"));
    if fs::metadata(&file).ok()?.len() > LARGEST {
        return None;
    }
    let file = fs::read(file).ok()?;
    let cached: Vec<Vec<Cached>> =
        serde_json::from_str(&repair(&String::from_utf8_lossy(&file))).ok()?;
    let mut cached = cached.into_iter().flatten();
    let mut fields = cached.next()?.metadata;
    let mut text = chunk_text(&fields).to_owned();
    for Cached { metadata } in cached {
        append(&mut text, chunk_text(&metadata));
    }
    if text.trim().is_empty() {
        return None;
    }
    fields.remove("text");
    fields.insert("pageContent".to_owned(), Value::String(text));
    fields.insert("recoveredFrom".to_owned(), "vector cache".into());
    from_fields(path, fields, now, used_ids).ok()
}

/// Returns the text of a chunk without its header.
fn chunk_text(metadata: &Map<String, Value>) -> &str {
    let text = metadata.get("text").and_then(Value::as_str).unwrap_or_default();
    without_header(text)
}

/// Removes the header of a chunk.
pub fn without_header(text: &str) -> &str {
    text.split_once(HEADER_END).map_or(text, |(_, bare)| bare).trim_start_matches('\n')
}

/// Appends a chunk without its overlap with the end of `text`.
fn append(text: &mut String, chunk: &str) {
    let ends = chunk.char_indices().map(|(at, c)| at + c.len_utf8()).take(LONGEST_OVERLAP);
    let repeated = ends.filter(|end| text.ends_with(&chunk[..*end])).last();
    let repeated = repeated.filter(|end| *end >= SHORTEST_OVERLAP);
    match repeated {
        Some(end) => text.push_str(&chunk[end..]),
        None => {
            text.push('\n');
            text.push_str(chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_is_joined_from_its_chunks() {
        let cache = tempfile::tempdir().unwrap();
        let docpath = "custom-documents/gone.txt-1.json";
        let name = Uuid::new_v5(&Uuid::NAMESPACE_URL, docpath.as_bytes());
        let chunk = |text: &str| {
            let text = format!("<document_metadata>\nsourceDocument: g\n{HEADER_END}\n\n{text}");
            json!({ "id": "x", "values": [0.5, 1.0],
                "metadata": { "title": "gone.txt", "url": "file://gone.txt", "text": text } })
        };
        let file = json!([
            [chunk("The harbour library"), chunk("library lends boats.")],
            [chunk("Fees were abolished.")]
        ]);
        fs::write(cache.path().join(format!("{name}.json")), file.to_string()).unwrap();
        let path = DocumentPath::parse(docpath).unwrap();
        let (now, mut used_ids) = (Utc::now(), HashSet::new());
        let read = recover(cache.path(), docpath, &path, now, &mut used_ids).unwrap();
        assert_eq!(read.text, "The harbour library lends boats.\nFees were abolished.");
        assert_eq!(read.document.title, "gone.txt");
        assert_eq!(read.document.metadata, r#"{"recoveredFrom":"vector cache"}"#);
        assert!(recover(cache.path(), "f/other.json", &path, now, &mut used_ids).is_none());
    }

    #[test]
    fn the_file_name_in_the_cache_follows_from_the_path() {
        let docpath = "custom-documents/raw-tuning-fork-40aad6d0-252e-46a0-ada0-5c9b7a41ef4c.json";
        let name = Uuid::new_v5(&Uuid::NAMESPACE_URL, docpath.as_bytes());
        assert_eq!(name.to_string(), "76dd6c2c-f8f5-5903-b0da-a385d481aeff");
    }
}
