//! Rows of LanceDB's tables, in the column format of Arrow.
use std::sync::Arc;

use carrel_domain::vector::VectorRow;
use carrel_domain::{ChunkId, WorkspaceId};
use lancedb::arrow::arrow_array::cast::AsArray;
use lancedb::arrow::arrow_array::types::{Float32Type, Int32Type, Int64Type};
use lancedb::arrow::arrow_array::{
    ArrayRef, FixedSizeListArray, Int32Array, Int64Array, RecordBatch, StringArray,
};
use lancedb::arrow::arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};

use crate::store::unit;

/// The schema of a table of vectors.
pub(super) fn vectors_schema(dimensions: usize) -> SchemaRef {
    let value = Arc::new(Field::new("item", DataType::Float32, true));
    let size = i32::try_from(dimensions).unwrap_or(i32::MAX);
    Arc::new(Schema::new(vec![
        Field::new("chunk", DataType::Int64, false),
        Field::new("document", DataType::Int64, false),
        Field::new("vector", DataType::FixedSizeList(value, size), false),
    ]))
}

/// The schema of the table of watermarks.
pub(super) fn marks_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("workspace", DataType::Int32, false),
        Field::new("said", DataType::Utf8, false),
    ]))
}

pub(super) fn vectors(rows: &[VectorRow], dimensions: usize) -> Result<RecordBatch, ArrowError> {
    let size = i32::try_from(dimensions).unwrap_or(i32::MAX);
    let chunks = Int64Array::from_iter_values(rows.iter().map(|row| row.chunk.0));
    let documents = Int64Array::from_iter_values(rows.iter().map(|row| row.document.0));
    let values = rows.iter().map(|row| Some(values_of(row).into_iter().map(Some)));
    let vectors = FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(values, size);
    let columns: Vec<ArrayRef> = vec![Arc::new(chunks), Arc::new(documents), Arc::new(vectors)];
    RecordBatch::try_new(vectors_schema(dimensions), columns)
}

/// Zero vectors have no direction, so they are replaced by an arbitrary unit vector.
fn values_of(row: &VectorRow) -> Vec<f32> {
    match row.vector.iter().all(|value| *value == 0.0) {
        true => unit(row.vector.len()),
        false => row.vector.clone(),
    }
}

pub(super) fn mark(within: WorkspaceId, watermark: &str) -> Result<RecordBatch, ArrowError> {
    let workspaces = Int32Array::from_iter_values([within.0]);
    let watermarks = StringArray::from_iter_values([watermark]);
    RecordBatch::try_new(marks_schema(), vec![Arc::new(workspaces), Arc::new(watermarks)])
}

/// Reads the column `chunk`; `None` if the batch has no such column.
pub(super) fn chunks(batch: &RecordBatch) -> Option<Vec<ChunkId>> {
    let column = batch.column_by_name("chunk")?.as_primitive_opt::<Int64Type>()?;
    Some(column.values().iter().map(|chunk| ChunkId(*chunk)).collect())
}

/// Reads workspaces and what their watermarks say; `None` if the batch has no such columns.
pub(super) fn marks(batch: &RecordBatch) -> Option<Vec<(WorkspaceId, String)>> {
    let workspaces = batch.column_by_name("workspace")?.as_primitive_opt::<Int32Type>()?;
    let watermarks = batch.column_by_name("said")?.as_string_opt::<i32>()?;
    let workspaces = workspaces.values().iter().map(|within| WorkspaceId(*within));
    Some(
        workspaces
            .zip(watermarks.iter().map(|watermark| watermark.unwrap_or_default().to_owned()))
            .collect(),
    )
}
