//! Schemas of the collections for vectors and watermarks.
use serde_json::{Value, json};

/// The vector of watermarks, because Milvus requires a vector field in every collection.
pub(super) const NOWHERE: [f32; 2] = [1.0, 0.0];
/// Maximum length of a watermark as text, in bytes.
const LONGEST_MARK: usize = 8_192;

pub(super) fn of_vectors(collection: &str, size: usize) -> Value {
    let fields = json!([
        { "fieldName": "chunk", "dataType": "Int64", "isPrimary": true },
        { "fieldName": "workspace", "dataType": "Int64" },
        { "fieldName": "document", "dataType": "Int64" },
        vector(size),
    ]);
    collection_of(collection, fields)
}

pub(super) fn of_watermarks(collection: &str) -> Value {
    let fields = json!([
        { "fieldName": "workspace", "dataType": "Int64", "isPrimary": true },
        { "fieldName": "said", "dataType": "VarChar",
            "elementTypeParams": { "max_length": LONGEST_MARK.to_string() } },
        vector(NOWHERE.len()),
    ]);
    collection_of(collection, fields)
}

fn vector(size: usize) -> Value {
    let size = json!({ "dim": size.to_string() });
    json!({ "fieldName": "vector", "dataType": "FloatVector", "elementTypeParams": size })
}

/// Returns the request that creates a collection together with its index. Milvus loads such a
/// collection immediately.
fn collection_of(name: &str, fields: Value) -> Value {
    json!({
        "collectionName": name,
        "schema": { "autoId": false, "enableDynamicField": false, "fields": fields },
        "indexParams": [{
            "fieldName": "vector",
            "indexName": "vector",
            "metricType": "COSINE",
            "indexType": "AUTOINDEX",
        }],
        "params": { "consistencyLevel": "Strong" },
    })
}
