//! Stale workspace documents, whose passages must be embedded again.
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};

use crate::database::connection::AnyConnection;
use crate::database::schema::workspace_documents;

/// The number of workspace documents read per query.
const LOOKED_AT: i64 = 500;

/// The recipe of stale passages.
pub(crate) const NONE: &str = "";

/// Returns the next workspace documents of a recipe after an id, each with the length of its first
/// vector.
pub(crate) fn next_of_recipe(
    conn: &mut AnyConnection,
    recipe: &str,
    after: i64,
) -> QueryResult<Vec<(i64, Option<i64>)>> {
    // All vectors of a document have the same length. A code has one byte per dimension.
    let length = sql::<Nullable<BigInt>>(
        "CAST((SELECT length(vector_codes.code) FROM chunks
            INNER JOIN vector_codes ON vector_codes.chunk_id = chunks.id
            WHERE chunks.workspace_document_id = workspace_documents.id
            ORDER BY chunks.ordinal LIMIT 1) AS BIGINT)",
    );
    workspace_documents::table
        .filter(workspace_documents::recipe.eq(recipe.to_owned()))
        .filter(workspace_documents::id.gt(after))
        .order(workspace_documents::id)
        .limit(LOOKED_AT)
        .select((workspace_documents::id, length))
        .load(conn)
}

/// Marks workspace documents as stale.
pub(crate) fn mark(conn: &mut AnyConnection, ids: &[i64]) -> QueryResult<()> {
    let outdated = workspace_documents::table
        .filter(workspace_documents::id.eq_any(ids.to_vec()))
        .filter(workspace_documents::recipe.ne(NONE));
    diesel::update(outdated).set(workspace_documents::recipe.eq(NONE)).execute(conn).map(drop)
}

/// Marks the workspace documents among `ids` that have the recipe as stale. Returns their number.
pub(crate) fn expire(conn: &mut AnyConnection, recipe: &str, ids: Vec<i64>) -> QueryResult<u64> {
    let stale = workspace_documents::table
        .filter(workspace_documents::id.eq_any(ids))
        .filter(workspace_documents::recipe.eq(recipe.to_owned()));
    diesel::update(stale)
        .set(workspace_documents::recipe.eq(NONE))
        .execute(conn)
        .map(|count| count as u64)
}
