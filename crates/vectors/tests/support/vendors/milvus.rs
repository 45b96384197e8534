//! A stub of Milvus and Zilliz Cloud: version 2 of their REST API.
use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::filter;
use crate::support::wire::{
    Rate, Request, Response, check, cosine, flag, list, needed, numbers, object, optional, text,
    texts, vector, whole,
};

pub const TOKEN: &str = "root:the-password-of-the-stub";

/// Maximum number of rows in a response.
const MAX_ROWS: u64 = 16_384;
/// Maximum number of rows in an insert.
const MAX_STORED: usize = 100;

struct Collection {
    /// Name of the integer key field.
    key: String,
    /// The type and the limit of each field. The limit is the length of vectors and texts.
    fields: BTreeMap<String, (String, u64)>,
    rows: BTreeMap<i64, Value>,
}

#[derive(Default)]
struct Milvus {
    collections: HashMap<String, Collection>,
    most_neighbours: u64,
}

/// Starts the stub. `most_neighbours` is the maximum number of neighbors per search.
pub fn start(most_neighbours: u64, every: u64) -> String {
    let mut milvus = Milvus { most_neighbours, ..Milvus::default() };
    let mut rate = Rate { every, seen: 0 };
    crate::support::wire::start(move |request| {
        if request.header("authorization") != format!("Bearer {TOKEN}") {
            return Response::new(401, json!({ "code": 1800, "message": "not authenticated" }));
        }
        if rate.is_exceeded() {
            return Response::new(429, json!({ "code": 8, "message": "rate limit" }))
                .with("retry-after", 0);
        }
        let answer = milvus.answer(request);
        let body = match answer {
            Ok(data) => json!({ "code": 0, "data": data }),
            Err((code, message)) => json!({ "code": code, "message": message }),
        };
        Response::new(200, body)
    })
}

type Answer = Result<Value, (i64, String)>;

fn invalid(message: impl Into<String>) -> (i64, String) {
    (1100, message.into())
}

impl Milvus {
    fn answer(&mut self, request: &Request) -> Answer {
        let body = &request.body;
        let (method, path) = request.route();
        match (method, path.as_slice()) {
            ("POST", ["v2", "vectordb", "collections", "create"]) => self.create(body),
            ("POST", ["v2", "vectordb", "collections", "describe"]) => {
                check(body, &[needed("collectionName", text)]).map_err(invalid)?;
                self.named(body).map(|_| json!({}))
            }
            ("POST", ["v2", "vectordb", "entities", verb]) => {
                let most = self.most_neighbours;
                let collection = self.named(body)?;
                match *verb {
                    "upsert" => collection.upsert(body),
                    "delete" => collection.delete(body),
                    "query" => collection.query(body),
                    "search" => collection.search(body, most),
                    _ => Err(invalid("no such verb")),
                }
            }
            _ => Err(invalid("no such path")),
        }
    }

    fn named(&mut self, body: &Value) -> Result<&mut Collection, (i64, String)> {
        let name = body["collectionName"].as_str().ok_or_else(|| invalid("no collectionName"))?;
        self.collections.get_mut(name).ok_or_else(|| (100, "can't find collection".to_owned()))
    }

    fn create(&mut self, body: &Value) -> Answer {
        let known = [
            needed("collectionName", text),
            needed("schema", object),
            needed("indexParams", list),
            optional("params", object),
        ];
        check(body, &known).map_err(invalid)?;
        let name = body["collectionName"].as_str().unwrap_or_default();
        let is_sign = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.len() > 255
            || !name.chars().all(is_sign)
            || name.starts_with(|c: char| c.is_ascii_digit())
        {
            return Err(invalid("invalid collection name"));
        }
        if self.collections.contains_key(name) {
            return Err((65_535, "collection already exists".to_owned()));
        }
        if body["params"]["consistencyLevel"] != "Strong" {
            return Err(invalid("tests read what they have written"));
        }
        let schema = &body["schema"];
        let known = [
            optional("autoId", flag),
            optional("enableDynamicField", flag),
            needed("fields", list),
        ];
        check(schema, &known).map_err(invalid)?;
        let mut collection =
            Collection { key: String::new(), fields: BTreeMap::new(), rows: BTreeMap::new() };
        for field in schema["fields"].as_array().unwrap_or(&Vec::new()) {
            let known = [
                needed("fieldName", text),
                needed("dataType", text),
                optional("isPrimary", flag),
                optional("elementTypeParams", object),
            ];
            check(field, &known).map_err(invalid)?;
            let kind = field["dataType"].as_str().unwrap_or_default();
            let parameter = |name: &str| {
                field["elementTypeParams"][name].as_str().and_then(|size| size.parse::<u64>().ok())
            };
            let size = match kind {
                "Int64" => 0,
                "VarChar" => parameter("max_length")
                    .filter(|size| *size <= 65_535)
                    .ok_or_else(|| invalid("max_length"))?,
                "FloatVector" => parameter("dim")
                    .filter(|size| (2..=32_768).contains(size))
                    .ok_or_else(|| invalid("invalid dimension"))?,
                _ => return Err(invalid("unknown dataType")),
            };
            let field_name = field["fieldName"].as_str().unwrap_or_default().to_owned();
            if field["isPrimary"] == true {
                collection.key.clone_from(&field_name);
            }
            collection.fields.insert(field_name, (kind.to_owned(), size));
        }
        for index in body["indexParams"].as_array().unwrap_or(&Vec::new()) {
            let known = [
                needed("fieldName", text),
                needed("indexName", text),
                needed("metricType", text),
                needed("indexType", text),
            ];
            check(index, &known).map_err(invalid)?;
            if index["metricType"] != "COSINE" {
                return Err(invalid("the stand-in knows COSINE"));
            }
        }
        self.collections.insert(name.to_owned(), collection);
        Ok(json!({}))
    }
}

impl Collection {
    fn upsert(&mut self, body: &Value) -> Answer {
        let known = [needed("collectionName", text), needed("data", list)];
        check(body, &known).map_err(invalid)?;
        let rows = body["data"].as_array().cloned().unwrap_or_default();
        if rows.is_empty() || rows.len() > MAX_STORED {
            return Err(invalid(format!("{} entities at a time", rows.len())));
        }
        for row in &rows {
            let values = row.as_object().ok_or_else(|| invalid("no row"))?;
            if values.len() != self.fields.len() {
                return Err(invalid("a row lacks fields or has others"));
            }
            for (name, (kind, size)) in &self.fields {
                let value = &row[name];
                let fits = match kind.as_str() {
                    "Int64" => value.is_i64(),
                    "VarChar" => value.as_str().is_some_and(|text| text.len() as u64 <= *size),
                    _ => vector(value) && numbers(value).len() as u64 == *size,
                };
                if !fits {
                    return Err((1804, format!("{name} does not fit its schema")));
                }
            }
        }
        let count = rows.len();
        for row in rows {
            self.rows.insert(row[&self.key].as_i64().unwrap_or_default(), row);
        }
        Ok(json!({ "upsertCount": count, "upsertIds": [] }))
    }

    fn chosen(&self, filter: &Value) -> Result<Vec<&Value>, (i64, String)> {
        let filter = filter::parsed(filter.as_str().unwrap_or_default()).map_err(invalid)?;
        let mut chosen = Vec::new();
        for row in self.rows.values() {
            if filter::holds(&filter, |name| self.fields.get(name).and_then(|_| row[name].as_i64()))
                .map_err(invalid)?
            {
                chosen.push(row);
            }
        }
        Ok(chosen)
    }

    fn delete(&mut self, body: &Value) -> Answer {
        check(body, &[needed("collectionName", text), needed("filter", text)]).map_err(invalid)?;
        let chosen = self.chosen(&body["filter"])?;
        let keys: Vec<_> = chosen.iter().filter_map(|row| row[&self.key].as_i64()).collect();
        keys.iter().for_each(|key| _ = self.rows.remove(key));
        Ok(json!({}))
    }

    fn query(&self, body: &Value) -> Answer {
        let known = [
            needed("collectionName", text),
            needed("filter", text),
            optional("limit", whole),
            needed("outputFields", texts),
        ];
        check(body, &known).map_err(invalid)?;
        let mut chosen = self.chosen(&body["filter"])?;
        if body["outputFields"] == json!(["count(*)"]) {
            let is_paged = body.get("limit").is_some();
            return match is_paged {
                true => Err(invalid("count entities with pagination is not allowed")),
                false => Ok(json!([{ "count(*)": chosen.len() }])),
            };
        }
        let limit = body["limit"].as_u64().unwrap_or(100);
        if limit > MAX_ROWS {
            return Err(invalid("invalid max query result window"));
        }
        chosen.truncate(limit as usize);
        let output = |row: &Value| {
            let fields = body["outputFields"].as_array().unwrap().iter().filter_map(Value::as_str);
            // Like Milvus for clients that have not requested 64-bit numbers.
            let mut entity: serde_json::Map<_, _> =
                fields.map(|name| (name.to_owned(), row[name].clone())).collect();
            entity.insert(self.key.clone(), row[&self.key].clone());
            Value::Object(entity)
        };
        Ok(chosen.into_iter().map(output).collect())
    }

    fn search(&self, body: &Value, most: u64) -> Answer {
        let known = [
            needed("collectionName", text),
            needed("data", list),
            needed("annsField", text),
            optional("filter", text),
            needed("limit", whole),
            optional("outputFields", texts),
        ];
        check(body, &known).map_err(invalid)?;
        let limit = body["limit"].as_u64().unwrap_or_default();
        if limit == 0 || limit > most {
            return Err(invalid(format!("topk {limit} is out of range")));
        }
        let field = body["annsField"].as_str().unwrap_or_default();
        let to = numbers(&body["data"][0]);
        if self.fields.get(field).is_none_or(|(_, size)| *size != to.len() as u64) {
            return Err(invalid("vector dimension mismatch"));
        }
        let mut found: Vec<_> = self
            .chosen(&body["filter"])?
            .into_iter()
            .map(|row| (cosine(&numbers(&row[field]), &to), row))
            .collect();
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        found.truncate(limit as usize);
        let hits = found.into_iter().map(|(distance, row)| {
            json!({ "distance": distance, "id": row[&self.key], &self.key: row[&self.key].to_string() })
        });
        Ok(hits.collect())
    }
}
