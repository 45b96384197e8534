//! Measures lists of a library of 20,000 documents: the whole tree, and one page of a folder.
use std::path::Path;

use anyhow::{Result, ensure};

use crate::database::{Copy, execute};
use crate::figure::{Figure, median};
use crate::load::{Connection, request};
use crate::log::download;
use crate::process::{OwnMemory, processor_time};
use crate::server::{KEY, ROUNDS, cost, start};

const DOCUMENTS: usize = 20_000;
const FOLDERS: usize = 20;

pub fn measure() -> Result<Vec<Figure>> {
    let storage = tempfile::tempdir()?;
    drop(start(storage.path())?);
    seed(storage.path())?;
    let (server, address, _) = start(storage.path())?;
    let id = server.0.id();
    let memory = OwnMemory::observe(id)?;
    let copy = Copy::of(storage.path(), &["documents", "workspace_documents"])?;
    let (mut trees, mut references) = (Vec::new(), Vec::new());
    for mount in ["/v1", "/api/v1"] {
        let mut costs = Vec::new();
        for _ in 0..ROUNDS {
            let before = processor_time(id)?;
            let bytes = download(&address, &format!("{mount}/documents"))?;
            costs.push((processor_time(id)? - before) * 1e3);
            ensure!(bytes > 300 * DOCUMENTS as u64, "the list was cut off after {bytes} bytes");
            references.push(copy.select(LISTED)? * 1e3);
        }
        let name = format!("{mount}/documents, {DOCUMENTS} documents as a tree");
        trees.push(Figure::new(name, median(costs), "CPU ms").at_most(100.0));
    }
    let page = request("GET", "/v1/documents?folder=folder-7&limit=100", KEY, "");
    Connection::open(&address)?.exchange(&page)?;
    let page = cost(id, &address, &page, 200)? * 1e3;
    let name = "sqlite3 selecting the same columns to a file";
    trees.push(Figure::new(name, median(references), "CPU ms"));
    trees.push(Figure::new("a page of 100 of 1,000 in a folder", page, "CPU ms"));
    trees.push(Figure::new("own memory over idle meanwhile", memory.growth()?, "MB"));
    Ok(trees)
}

/// The query for the documents of a list.
const LISTED: &str = "SELECT d.id, d.folder, d.name, d.title, d.url, d.author, d.description, \
    d.source, d.chunk_source, d.published_at, d.words, d.tokens, d.metadata, d.external_key, \
    EXISTS (SELECT 1 FROM workspace_documents w WHERE w.document_id = d.id) FROM documents d \
    ORDER BY d.folder, d.name";

/// Writes documents in folders straight into the database, without files; every second one is in a
/// workspace, and every hundredth is pinned there.
fn seed(storage: &Path) -> Result<()> {
    let sql = format!(
        "INSERT INTO workspaces (id, slug, name, history, least_similarity, passages, chat_mode, search_mode, created_at, updated_at)
         VALUES (1, 'bench', 'Bench', 20, 0.25, 4, 'chat', 'default', '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000');
         WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {FOLDERS})
         INSERT OR IGNORE INTO folders (name, created_at)
         SELECT 'folder-' || (n - 1), '2026-01-01 00:00:00.000000' FROM numbers;
         CREATE TEMP TABLE made AS
         WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {DOCUMENTS})
         SELECT n, printf('%08x-0000-4000-8000-000000000000', n) AS id FROM numbers;
         INSERT INTO documents (id, folder, name, title, url, author, description, source, chunk_source, published_at, words, tokens, digest, created_at, metadata, part)
         SELECT id, 'folder-' || (n % {FOLDERS}), 'report-' || n || '.txt-' || id || '.json', 'Report ' || n || '.txt',
                'file://report-' || n || '.txt', 'Unknown', 'Unknown', 'a text file uploaded by the user.', '',
                '2026-01-01 00:00:00.000000', 400, 520, zeroblob(32), '2026-01-01 00:00:00.000000',
                '{{\"team\":\"sales\",\"year\":2026}}', '' FROM made;
         INSERT INTO workspace_documents (workspace_id, document_id, key, pinned, watched, recipe, created_at, updated_at)
         SELECT 1, id, id, n % 100 = 0, FALSE, 'none', '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000'
         FROM made WHERE n % 2 = 0;"
    );
    execute(storage, &sql)
}
