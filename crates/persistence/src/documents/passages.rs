//! Passages of workspace documents and their vectors, which are inserted and deleted together.
use carrel_domain::document::{Chunk, Span};
use carrel_domain::library::NewPassage;
use carrel_domain::provenance::Provenance;
use carrel_domain::vector::Code;
use diesel::prelude::*;

use crate::database::connection::{AnyConnection, on_each_backend};
use crate::database::convert::{IDS_AT_ONCE, bytes_of, bytes_of_code, text};
use crate::database::schema::{chunks, vector_codes, vectors, workspace_documents};
use crate::documents::lexical;
use crate::documents::vector_versions::{self, Change};

#[derive(Insertable)]
#[diesel(table_name = chunks)]
struct ChunkRow {
    workspace_document_id: i64,
    workspace_id: i32,
    ordinal: i32,
    text: String,
    span_start: Option<i32>,
    span_end: Option<i32>,
    headings: Option<String>,
    locator: Option<String>,
}

impl ChunkRow {
    fn new(
        workspace: i32,
        place: i64,
        ordinal: i32,
        words: String,
        span: Option<Span>,
        provenance: Provenance,
    ) -> Self {
        Self {
            workspace_document_id: place,
            workspace_id: workspace,
            ordinal,
            text: text(words),
            span_start: span.and_then(|span| i32::try_from(span.start).ok()),
            span_end: span.and_then(|span| i32::try_from(span.end).ok()),
            headings: headings_column(&provenance),
            locator: provenance.locator.map(|locator| locator.to_string()),
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = vector_codes)]
struct CodeRow {
    chunk_id: i64,
    workspace_id: i32,
    workspace_document_id: i64,
    scale: f32,
    code: Vec<u8>,
}

#[derive(Insertable)]
#[diesel(table_name = vectors)]
struct VectorRow {
    chunk_id: i64,
    vector: Vec<u8>,
}

/// The recipe of a workspace document whose passages are searchable by words only until a job
/// embeds them.
pub(crate) const UNEMBEDDED: &str = "words";

/// Passages per statement. Each binds at most eight values.
const ROWS_AT_ONCE: usize = 250;

/// Stores passages of a workspace document in text order, numbered from `next`. The words of the
/// document's title are indexed with each passage.
pub(crate) fn insert(
    conn: &mut AnyConnection,
    workspace: i32,
    place: i64,
    title: &str,
    mut next: i32,
    passages: Vec<NewPassage>,
) -> QueryResult<()> {
    let mut passages = passages.into_iter();
    loop {
        let batch: Vec<NewPassage> = passages.by_ref().take(ROWS_AT_ONCE).collect();
        if batch.is_empty() {
            return Ok(());
        }
        let words = batch.iter().map(|passage| {
            let title = passage.provenance.title_and_headings(title, &passage.text);
            lexical::words_of(workspace, &title, &passage.text)
        });
        let words = words.collect();
        let ids = insert_batch(conn, workspace, place, next, batch)?;
        lexical::insert(conn, &ids, words)?;
        next = next.saturating_add(ids.len() as i32);
    }
}

/// Stores passages of a workspace document with the recipe [`UNEMBEDDED`], in text order.
pub(crate) fn insert_unembedded(
    conn: &mut AnyConnection,
    workspace: i32,
    place: i64,
    title: &str,
    passages: Vec<Chunk>,
) -> QueryResult<()> {
    let mut next = 0;
    for batch in passages.chunks(ROWS_AT_ONCE) {
        let words = batch.iter().map(|passage| {
            let title = passage.provenance.title_and_headings(title, &passage.text);
            lexical::words_of(workspace, &title, &passage.text)
        });
        let words = words.collect();
        let rows = batch.iter().zip(next..).map(|(chunk, ordinal)| {
            let Chunk { text, span, provenance } = chunk.clone();
            ChunkRow::new(workspace, place, ordinal, text, Some(span), provenance)
        });
        let ids = insert_chunks(conn, &rows.collect::<Vec<_>>())?;
        lexical::insert(conn, &ids, words)?;
        next = next.saturating_add(ids.len() as i32);
    }
    Ok(())
}

/// Inserts rows and returns their ids in the same order.
fn insert_chunks(conn: &mut AnyConnection, rows: &[ChunkRow]) -> QueryResult<Vec<i64>> {
    // SQL does not define the order of returned rows, but ids are assigned in the order of the
    // rows.
    let mut ids: Vec<i64> = on_each_backend!(conn => diesel::insert_into(chunks::table)
        .values(rows)
        .returning(chunks::id)
        .get_results(conn))?;
    ids.sort_unstable();
    Ok(ids)
}

/// Stores passages numbered from `first`. Returns their ids in the same order.
fn insert_batch(
    conn: &mut AnyConnection,
    workspace: i32,
    place: i64,
    first: i32,
    passages: Vec<NewPassage>,
) -> QueryResult<Vec<i64>> {
    let (mut rows, mut whole) = (Vec::new(), Vec::new());
    for (passage, ordinal) in passages.into_iter().zip(first..) {
        let NewPassage { text: words, span, provenance, vector } = passage;
        whole.push(vector);
        rows.push(ChunkRow::new(workspace, place, ordinal, words, span, provenance));
    }
    let ids = insert_chunks(conn, &rows)?;

    let codes: Vec<CodeRow> = ids
        .iter()
        .zip(&whole)
        .map(|(&chunk_id, vector)| {
            let Code { scale, values } = Code::of(vector);
            CodeRow {
                chunk_id,
                workspace_id: workspace,
                workspace_document_id: place,
                scale,
                code: bytes_of_code(&values),
            }
        })
        .collect();
    on_each_backend!(conn => diesel::insert_into(vector_codes::table)
        .values(&codes)
        .execute(conn))?;

    let whole: Vec<VectorRow> = ids
        .iter()
        .zip(&whole)
        .map(|(&chunk_id, vector)| VectorRow { chunk_id, vector: bytes_of(vector) })
        .collect();
    on_each_backend!(conn => diesel::insert_into(vectors::table).values(&whole).execute(conn))?;
    Ok(ids)
}

/// Returns the headings one per line, or `None` if there are none.
fn headings_column(provenance: &Provenance) -> Option<String> {
    let lines = provenance.headings.join("\n");
    (!lines.is_empty()).then(|| text(lines))
}

/// Parses the provenance from the columns of a passage.
pub(crate) fn provenance(headings: Option<&str>, locator: Option<&str>) -> Provenance {
    Provenance {
        headings: headings.into_iter().flat_map(str::lines).map(str::to_owned).collect(),
        locator: locator.and_then(|text| text.parse().ok()),
    }
}

/// Counts the vectors of workspace documents. Passages that are not embedded have none.
pub(crate) fn count(conn: &mut AnyConnection, places: &[i64]) -> QueryResult<i64> {
    places.chunks(IDS_AT_ONCE).try_fold(0, |total, places| {
        let some: i64 = chunks::table
            .inner_join(vector_codes::table.on(vector_codes::chunk_id.eq(chunks::id)))
            .filter(chunks::workspace_document_id.eq_any(places.to_vec()))
            .count()
            .get_result(conn)?;
        Ok(total + some)
    })
}

/// Returns the ids of at most `limit` passages of workspace documents.
pub(crate) fn ids(conn: &mut AnyConnection, places: &[i64], limit: i64) -> QueryResult<Vec<i64>> {
    chunks::table
        .filter(chunks::workspace_document_id.eq_any(places.to_vec()))
        .limit(limit)
        .select(chunks::id)
        .load(conn)
}

/// Deletes passages with their vectors from a workspace whose row in `namespaces` is locked, and
/// records the change.
pub(crate) fn remove(conn: &mut AnyConnection, workspace: i32, ids: &[i64]) -> QueryResult<()> {
    let mut vectors = 0;
    for ids in ids.chunks(IDS_AT_ONCE) {
        let some: i64 = vector_codes::table
            .filter(vector_codes::chunk_id.eq_any(ids.to_vec()))
            .count()
            .get_result(conn)?;
        vectors -= some;
        diesel::delete(chunks::table.filter(chunks::id.eq_any(ids.to_vec()))).execute(conn)?;
    }
    match ids {
        [] => Ok(()),
        _ => {
            vector_versions::record(conn, workspace, Change { additions: 0, removals: 1, vectors })
        }
    }
}

/// Deletes workspace documents with their passages and vectors.
pub(crate) fn remove_places(conn: &mut AnyConnection, places: &[i64]) -> QueryResult<()> {
    for places in places.chunks(IDS_AT_ONCE) {
        let places = workspace_documents::id.eq_any(places.to_vec());
        diesel::delete(workspace_documents::table.filter(places)).execute(conn)?;
    }
    Ok(())
}
