//! Files that were dropped into threads: their texts stay with the questions of those threads.
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::vec::IntoIter;

use carrel_domain::import::ImportedRows;
use carrel_domain::thread_file::NewThreadFile;
use carrel_domain::{Result, ThreadId};
use carrel_services::chat::{MAX_FILES, MAX_THREAD_FILE_BYTES};
use serde_json::{Map, Value};

use crate::chats::SourceReader;
use crate::row::Row;
use crate::surrogates::repair;

/// The name of the table.
pub const TABLE: &str = "workspace_parsed_files";
/// Most bytes of a stored file besides its text.
const BESIDE_TEXT: u64 = 1 << 20;
/// Most bytes that a byte of text takes in JSON.
const ESCAPED: u64 = 6;

/// The files of threads, one at a time, with their texts from the folder `direct-uploads`. Files of no
/// thread, and files that are too large or too many for their thread, are left out.
pub struct ThreadFileRows {
    rows: IntoIter<Row>,
    folder: PathBuf,
    reading: SourceReader,
    /// Number of files that each thread has so far.
    counts: BTreeMap<i32, usize>,
}

impl ThreadFileRows {
    pub fn new(rows: Vec<Row>, storage: &Path, reading: SourceReader) -> Self {
        let folder = storage.join("direct-uploads");
        Self { rows: rows.into_iter(), folder, reading, counts: BTreeMap::new() }
    }

    fn read(&mut self, row: &Row) -> Result<NewThreadFile, String> {
        let thread = row.int("threadId").ok_or("it belongs to no thread; attach it again")?;
        if !self.reading.known.threads.contains(&thread) {
            return Err("its thread no longer exists".to_owned());
        }
        let count = self.counts.entry(thread).or_default();
        if *count >= MAX_FILES {
            return Err(format!("a thread holds at most {MAX_FILES} files"));
        }
        let name = row.filled("filename").unwrap_or_default();
        let is_plain = Path::new(&name).file_name().is_some_and(|file| file == name.as_str());
        if !is_plain {
            return Err(format!("`{name}` is not a file name"));
        }
        let fields = read_file(&self.folder.join(&name))?;
        let field = |field: &str| fields.get(field).and_then(Value::as_str).map(str::to_owned);
        let text = field("pageContent").filter(|text| !text.trim().is_empty());
        let text = text.ok_or("it has no text")?;
        if text.len() > MAX_THREAD_FILE_BYTES {
            return Err(format!("its text is longer than {MAX_THREAD_FILE_BYTES} bytes"));
        }
        *count += 1;
        Ok(NewThreadFile {
            thread: ThreadId(thread),
            name: field("title").filter(|title| !title.is_empty()).unwrap_or(name),
            tokens: row.int("tokenCountEstimate").unwrap_or(0).max(0),
            text,
            created_at: row.time("createdAt").unwrap_or(self.reading.now),
        })
    }
}

impl Iterator for ThreadFileRows {
    type Item = Result<ImportedRows>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let row = self.rows.next()?;
            match self.read(&row) {
                Ok(file) => {
                    self.reading.report(|report| report.imported(TABLE, 1));
                    return Some(Ok(ImportedRows::ThreadFile(file)));
                }
                Err(reason) => {
                    let id = row.long("id").unwrap_or(0);
                    self.reading
                        .report(|report| report.leave_out(format!("{TABLE} {id}: {reason}")));
                }
            }
        }
    }
}

fn read_file(file: &Path) -> Result<Map<String, Value>, String> {
    let found =
        fs::symlink_metadata(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let limit = MAX_THREAD_FILE_BYTES as u64 * ESCAPED + BESIDE_TEXT;
    if !found.is_file() || found.len() > limit {
        return Err(format!("it is not a file of at most {limit} bytes"));
    }
    let bytes = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    serde_json::from_str(&repair(&text)).map_err(|error| format!("it is damaged: {error}"))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use carrel_domain::import::ImportProgress;
    use chrono::DateTime;
    use serde_json::json;

    use super::*;
    use crate::plan::Known;
    use crate::source::SourceDatabase;

    const SOURCE: &str =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/import/storage/anythingllm.db");

    fn reading(scratch: &Path) -> SourceReader {
        let source = SourceDatabase::sqlite(Path::new(SOURCE), scratch).unwrap();
        SourceReader {
            source: Arc::new(Mutex::new(source)),
            known: Arc::new(Known { threads: [3].into(), ..Known::default() }),
            report: Arc::default(),
            now: DateTime::UNIX_EPOCH,
            progress: ImportProgress::default(),
        }
    }

    #[test]
    fn files_belong_to_their_threads_and_others_are_reported() {
        let storage = tempfile::tempdir().unwrap();
        let folder = storage.path().join("direct-uploads");
        fs::create_dir(&folder).unwrap();
        let file = json!({ "title": "tides.txt", "pageContent": "High at noon." }).to_string();
        fs::write(folder.join("tides.json"), &file).unwrap();
        fs::write(folder.join("empty.json"), r#"{"pageContent":" "}"#).unwrap();
        fs::write(folder.join("broken.json"), r#"{"pageContent":"#).unwrap();
        fs::write(storage.path().join("outside.json"), &file).unwrap();
        let mut rows = vec![
            json!({ "id": 1, "filename": "tides.json", "threadId": 3, "tokenCountEstimate": 4 }),
            json!({ "id": 2, "filename": "tides.json", "threadId": null }),
            json!({ "id": 3, "filename": "tides.json", "threadId": 9 }),
            json!({ "id": 4, "filename": "../outside.json", "threadId": 3 }),
            json!({ "id": 5, "filename": "gone.json", "threadId": 3 }),
            json!({ "id": 6, "filename": "empty.json", "threadId": 3 }),
            json!({ "id": 7, "filename": "broken.json", "threadId": 3 }),
        ];
        rows.extend(
            (0..MAX_FILES).map(
                |number| json!({ "id": 10 + number, "filename": "tides.json", "threadId": 3 }),
            ),
        );
        let rows = rows.into_iter().filter_map(|row| row.as_object().cloned().map(Row)).collect();
        let reading = reading(storage.path());
        let files = ThreadFileRows::new(rows, storage.path(), reading.clone());
        let files: Vec<_> = files.map(Result::unwrap).collect();
        assert_eq!(files.len(), MAX_FILES);
        let ImportedRows::ThreadFile(first) = &files[0] else { panic!("{:?}", files[0]) };
        assert_eq!((&*first.name, &*first.text, first.tokens), ("tides.txt", "High at noon.", 4));
        reading.report(|report| {
            assert_eq!(report.left_out.len(), 7, "{:?}", report.left_out);
            assert!(report.left_out[6].contains("a thread holds"), "{:?}", report.left_out);
        });
    }
}
