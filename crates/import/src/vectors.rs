//! Imports cached vectors for texts that this server embeds with the same model.
//!
//! AnythingLLM embeds each chunk with a header above it, so a cached vector is close to the vector
//! of the chunk alone, but not equal.
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use carrel_domain::{Error, Result};
use serde::Deserialize;

use crate::configuration::SourceEmbedder;
use crate::placements;
use crate::recovery::without_header;
use crate::report::Report;
use crate::run::Importer;

/// The name of the folder in the report.
const FOLDER: &str = "vector-cache/";

/// The largest file that is read, in bytes.
const LARGEST: u64 = 512 << 20;

/// Number of vectors stored at once.
const AT_ONCE: usize = 500;

#[derive(Deserialize)]
struct Cached {
    #[serde(default)]
    values: Vec<f32>,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    text: String,
}

/// Stores the vectors, and reports their number or why they are not imported.
pub async fn keep(
    importer: &Importer,
    storage: &Path,
    embedder: Option<&SourceEmbedder>,
    report: &mut Report,
) -> Result<()> {
    let folder = placements::cache(storage);
    let files = files(&folder);
    report.found(FOLDER, "vectors of documents", files.len() as u64);
    if let Err(why) = comparable(importer, embedder) {
        report.leave_out(format!("{FOLDER}: {why}; documents are embedded again"));
        return Ok(());
    }
    for file in files {
        let shown = file.file_name().unwrap_or_default().display().to_string();
        let vectors = tokio::task::spawn_blocking(move || read(&file)).await;
        match vectors.map_err(Error::internal)? {
            Err(why) => report.leave_out(format!("{FOLDER}{shown}: {why}")),
            Ok(vectors) => {
                let mut vectors = vectors.into_iter();
                loop {
                    let some: Vec<_> = vectors.by_ref().take(AT_ONCE).collect();
                    if some.is_empty() {
                        break;
                    }
                    importer.indexer.cache_vectors(some).await?;
                }
                report.imported(FOLDER, 1);
            }
        }
    }
    report.differ(
        "Vectors of the other server are kept. They were made of passages with a header, so \
         similarities differ slightly from those of passages embedded here.",
    );
    Ok(())
}

/// Checks that the vectors of both servers are comparable, or returns why not.
fn comparable(
    importer: &Importer,
    embedder: Option<&SourceEmbedder>,
) -> std::result::Result<(), &'static str> {
    let Some(SourceEmbedder { engine, model }) = embedder else {
        return Err("the model inside the other server is not the same as the one here");
    };
    let here = |name| importer.settings.lookup(name);
    match here("EMBEDDING_ENGINE").as_ref() == Some(engine)
        && here("EMBEDDING_MODEL_PREF") == *model
    {
        true => Ok(()),
        false => Err("this server embeds with another model"),
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let is_cache = |path: &PathBuf| path.extension().is_some_and(|end| end == "json");
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(is_cache).collect();
    files.sort();
    files
}

/// Returns the chunks of a document, each with its vector.
fn read(file: &Path) -> std::result::Result<Vec<(String, Vec<f32>)>, String> {
    let size = fs::symlink_metadata(file).map_err(|error| error.to_string())?;
    if !size.is_file() || size.len() > LARGEST {
        return Err(format!("it is not a plain file of at most {LARGEST} bytes"));
    }
    let file = File::open(file).map_err(|error| error.to_string())?;
    let cached: Vec<Vec<Cached>> = serde_json::from_reader(BufReader::new(file))
        .map_err(|error| format!("it is damaged: {error}"))?;
    let chunks = cached.into_iter().flatten().filter(|chunk| !chunk.values.is_empty());
    Ok(chunks
        .map(|Cached { values, metadata }| (without_header(&metadata.text).to_owned(), values))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_keep_their_vectors_but_not_their_headers() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.json");
        let text =
            "search: <document_metadata>\\nsourceDocument: g\\n</document_metadata>\\n\\nA tide.";
        let chunk =
            format!("{{\"id\":\"x\",\"values\":[0.5,1],\"metadata\":{{\"text\":\"{text}\"}}}}");
        fs::write(&file, format!("[[{chunk}],[{{\"metadata\":{{\"text\":\"none\"}}}}]]")).unwrap();
        assert_eq!(read(&file).unwrap(), [("A tide.".to_owned(), vec![0.5, 1.0])]);
        fs::write(&file, "[[{\"id\":").unwrap();
        assert!(read(&file).unwrap_err().contains("damaged"));
        fs::write(folder.path().join("b.txt"), "").unwrap();
        assert_eq!(files(folder.path()), [file]);
    }
}
