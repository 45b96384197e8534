//! A stub of Pinecone: the control plane and one serverless index, with the REST API of October
//! 2025. Changes become visible after a short delay, as in the real service.
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::wire::{
    Rate, Request, Response, check, cosine, flag, list, needed, numbers, object, optional, text,
    texts, vector, whole,
};

pub const KEY: &str = "the-key-of-the-stub";
pub const INDEX: &str = "books";
/// An index with another type of vectors.
pub const UNFIT: &str = "sparse-books";
/// The dimension of the index.
pub const DIMENSION: usize = 8;

/// The delay before a change becomes visible.
const DELAY: Duration = Duration::from_millis(30);
const LONGEST_UPSERT: usize = 2 << 20;
const LONGEST_METADATA: usize = 40 << 10;
const MAX_RECORDS: usize = 1_000;
const MAX_MATCHES: u64 = 10_000;
const MAX_IN_FILTER: usize = 10_000;

enum Change {
    Upsert(Vec<Value>),
    Remove(Value),
}

#[derive(Default)]
struct Namespace {
    records: BTreeMap<String, Value>,
    /// Changes with their numbers and the times when they become visible.
    coming: Vec<(u64, Instant, Change)>,
    written: u64,
    visible: u64,
}

#[derive(Default)]
struct Pinecone {
    address: String,
    namespaces: HashMap<String, Namespace>,
}

type Refusal = (u16, String);

fn invalid(message: impl Into<String>) -> Refusal {
    (400, message.into())
}

pub fn start(every: u64) -> String {
    let mut pinecone = Pinecone::default();
    let mut rate = Rate { every, seen: 0 };
    crate::support::wire::start(move |request| {
        if request.header("api-key") != KEY {
            return Response::new(401, json!("Unauthorized"));
        }
        if request.header("x-pinecone-api-version") != "2025-10" {
            return Response::new(400, json!({ "code": 3, "message": "unknown version" }));
        }
        if rate.is_exceeded() {
            let body = json!({ "code": 8, "message": "too many requests" });
            return Response::new(429, body).with("retry-after", 0);
        }
        pinecone.address = request.header("host").to_owned();
        pinecone.answer(request).unwrap_or_else(|(status, message)| {
            Response::new(status, json!({ "code": 3, "message": message, "details": [] }))
        })
    })
}

impl Pinecone {
    fn answer(&mut self, request: &Request) -> Result<Response, Refusal> {
        for namespace in self.namespaces.values_mut() {
            namespace.show();
        }
        let body = &request.body;
        match request.route() {
            ("GET", path) if path.first() == Some(&"indexes") => match path.get(1) {
                None => Ok(Response::new(200, json!({ "indexes": [self.index(INDEX)] }))),
                Some(&INDEX) => Ok(Response::new(200, self.index(INDEX))),
                Some(&UNFIT) => Ok(Response::new(200, self.index(UNFIT))),
                Some(_) => {
                    let error = json!({ "code": "NOT_FOUND", "message": "Resource not found" });
                    Ok(Response::new(404, json!({ "error": error, "status": 404 })))
                }
            },
            ("POST", path) if path == ["vectors", "upsert"] => self.upsert(body, request.length),
            ("POST", path) if path == ["vectors", "delete"] => self.delete(body),
            ("POST", path) if path == ["query"] => self.query(body),
            ("GET", path) if path == ["vectors", "fetch"] => Ok(self.fetch(request)),
            ("GET", path) if path == ["vectors", "list"] => self.list(request),
            ("POST", path) if path == ["describe_index_stats"] => Ok(self.stats()),
            ("GET", path) if path.first() == Some(&"namespaces") => {
                let found = path.get(1).and_then(|name| Some((name, self.namespaces.get(*name)?)));
                let (name, found) = found.ok_or((404, "Namespace not found".to_owned()))?;
                let counted = found.records.len().to_string();
                Ok(Response::new(200, json!({ "name": name, "record_count": counted })))
            }
            _ => Err((404, "no such path".to_owned())),
        }
    }

    fn index(&self, name: &str) -> Value {
        let mut description = json!({
            "name": name,
            "vector_type": "dense",
            "metric": "cosine",
            "dimension": DIMENSION,
            "status": { "ready": true, "state": "Ready" },
            "host": format!("http://{}", self.address),
            "spec": { "serverless": { "region": "us-east-1", "cloud": "aws",
                "read_capacity": { "mode": "OnDemand", "status": { "state": "Ready" } } } },
            "deletion_protection": "disabled",
            "tags": null,
        });
        if name == UNFIT {
            description["vector_type"] = json!("sparse");
            description["metric"] = json!("dotproduct");
            description.as_object_mut().unwrap().remove("dimension");
        }
        description
    }

    fn upsert(&mut self, body: &Value, length: usize) -> Result<Response, Refusal> {
        check(body, &[needed("vectors", list), optional("namespace", text)]).map_err(invalid)?;
        let records = body["vectors"].as_array().cloned().unwrap_or_default();
        if records.is_empty() || records.len() > MAX_RECORDS || length > LONGEST_UPSERT {
            return Err(invalid(format!("{} vectors in {length} bytes", records.len())));
        }
        for record in &records {
            let known =
                [needed("id", text), needed("values", vector), optional("metadata", object)];
            check(record, &known).map_err(invalid)?;
            let id = record["id"].as_str().unwrap_or_default();
            let values = numbers(&record["values"]);
            if id.is_empty() || id.len() > 512 || !id.is_ascii() {
                return Err(invalid("invalid id"));
            }
            if values.len() != DIMENSION {
                let has = values.len();
                return Err(invalid(format!(
                    "Vector dimension {has} does not match the dimension of the index {DIMENSION}"
                )));
            }
            if values.iter().all(|value| *value == 0.0) {
                return Err(invalid("Dense vectors must contain at least one non-zero value"));
            }
            let metadata = record["metadata"].as_object().cloned().unwrap_or_default();
            let is_flat =
                |value: &Value| text(value) || value.is_number() || flag(value) || texts(value);
            if !metadata.values().all(is_flat) {
                return Err(invalid("metadata holds text, numbers, booleans and lists of text"));
            }
            if record["metadata"].to_string().len() > LONGEST_METADATA {
                return Err(invalid("metadata size exceeds the limit"));
            }
        }
        let count = records.len();
        let number = self.named(body).write(Change::Upsert(records));
        let answer = Response::new(200, json!({ "upsertedCount": count }));
        Ok(answer.with("x-pinecone-request-lsn", number))
    }

    fn named(&mut self, body: &Value) -> &mut Namespace {
        let name = body["namespace"].as_str().unwrap_or("__default__");
        self.namespaces.entry(name.to_owned()).or_default()
    }

    fn delete(&mut self, body: &Value) -> Result<Response, Refusal> {
        let known = [
            optional("ids", texts),
            optional("deleteAll", flag),
            optional("filter", object),
            optional("namespace", text),
        ];
        check(body, &known).map_err(invalid)?;
        let selectors = ["ids", "deleteAll", "filter"];
        if selectors.iter().filter(|way| body.get(**way).is_some()).count() != 1 {
            return Err(invalid("one of ids, deleteAll and filter"));
        }
        if body["ids"].as_array().is_some_and(|ids| ids.len() > MAX_RECORDS) {
            return Err(invalid("too many ids"));
        }
        check_filter(&body["filter"])?;
        let name = body["namespace"].as_str().unwrap_or("__default__");
        if !self.namespaces.contains_key(name) {
            return Err((404, "Namespace not found".to_owned()));
        }
        let number = self.named(body).write(Change::Remove(body.clone()));
        Ok(Response::new(200, json!({})).with("x-pinecone-request-lsn", number))
    }

    fn query(&mut self, body: &Value) -> Result<Response, Refusal> {
        let known = [
            optional("namespace", text),
            needed("topK", whole),
            needed("vector", vector),
            optional("filter", object),
            optional("includeValues", flag),
            optional("includeMetadata", flag),
        ];
        check(body, &known).map_err(invalid)?;
        let limit = body["topK"].as_u64().unwrap_or_default();
        let to = numbers(&body["vector"]);
        if limit == 0 || limit > MAX_MATCHES || to.len() != DIMENSION {
            return Err(invalid("topK or the dimension of the query is out of bounds"));
        }
        check_filter(&body["filter"])?;
        let name = body["namespace"].as_str().unwrap_or("__default__");
        let Some(namespace) = self.namespaces.get(name) else {
            return Ok(Response::new(200, json!({ "matches": [], "namespace": name })));
        };
        let fits = |record: &&Value| fits(&body["filter"], &record["metadata"]);
        let scored = |record| (cosine(&numbers(&record_values(record)), &to), record);
        let mut found: Vec<_> = namespace.records.values().filter(fits).map(scored).collect();
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        found.truncate(limit as usize);
        let match_json = |(score, record): (f64, &Value)| {
            let mut returned = json!({ "id": record["id"], "score": score });
            for (option, field) in [("includeValues", "values"), ("includeMetadata", "metadata")] {
                if body[option] == true {
                    returned[field] = record[field].clone();
                }
            }
            returned
        };
        let matches: Vec<_> = found.into_iter().map(match_json).collect();
        let body = json!({ "matches": matches, "namespace": name, "usage": { "readUnits": 1 } });
        Ok(Response::new(200, body).with("x-pinecone-max-indexed-lsn", namespace.visible))
    }

    fn of<'a>(&self, request: &'a Request) -> (&'a str, Option<&Namespace>) {
        let name = request.parameter("namespace").unwrap_or("__default__");
        (name, self.namespaces.get(name))
    }

    fn fetch(&self, request: &Request) -> Response {
        let (name, namespace) = self.of(request);
        let found = |id| Some((id, namespace?.records.get(id)?));
        let vectors: BTreeMap<_, _> = request.parameters("ids").filter_map(found).collect();
        Response::new(200, json!({ "vectors": vectors, "namespace": name }))
    }

    fn list(&self, request: &Request) -> Result<Response, Refusal> {
        let (name, namespace) = self.of(request);
        let limit = request.parameter("limit").map_or(Ok(100), str::parse);
        let limit = limit.ok().filter(|limit| (1..=100).contains(limit));
        let limit: usize = limit.ok_or_else(|| invalid("limit is 1 to 100"))?;
        let (prefix, after) = (
            request.parameter("prefix").unwrap_or_default(),
            request.parameter("paginationToken").unwrap_or_default(),
        );
        let ids = namespace.into_iter().flat_map(|namespace| namespace.records.keys());
        let mut ids = ids.filter(|id| id.starts_with(prefix) && id.as_str() > after);
        let page: Vec<_> = ids.by_ref().take(limit).collect();
        let ids_json: Vec<_> = page.iter().map(|id| json!({ "id": id })).collect();
        let mut body =
            json!({ "vectors": ids_json, "namespace": name, "usage": { "readUnits": 1 } });
        if let (Some(last), Some(_)) = (page.last(), ids.next()) {
            body["pagination"] = json!({ "next": last });
        }
        Ok(Response::new(200, body))
    }

    fn stats(&self) -> Response {
        let summary = |(name, namespace): (&String, &Namespace)| {
            (name.clone(), json!({ "vectorCount": namespace.records.len() }))
        };
        let namespaces: serde_json::Map<_, _> = self.namespaces.iter().map(summary).collect();
        let total: usize = self.namespaces.values().map(|all| all.records.len()).sum();
        let body = json!({
            "namespaces": namespaces, "dimension": DIMENSION, "metric": "cosine",
            "indexFullness": 0.0, "totalVectorCount": total, "vectorType": "dense",
        });
        Response::new(200, body)
    }
}

impl Namespace {
    fn write(&mut self, change: Change) -> u64 {
        self.written += 1;
        self.coming.push((self.written, Instant::now() + DELAY, change));
        self.written
    }

    /// Applies the changes that are due.
    fn show(&mut self) {
        let due = self.coming.iter().take_while(|(_, at, _)| *at <= Instant::now()).count();
        for (number, _, change) in self.coming.drain(..due) {
            self.visible = number;
            match change {
                Change::Upsert(records) => {
                    for record in records {
                        let id = record["id"].as_str().unwrap_or_default().to_owned();
                        self.records.insert(id, record);
                    }
                }
                Change::Remove(what) if what["deleteAll"] == true => self.records.clear(),
                Change::Remove(what) => self.records.retain(|id, record| {
                    let is_named = what["ids"]
                        .as_array()
                        .is_some_and(|ids| ids.iter().any(|named| named == id.as_str()));
                    let is_meant =
                        what["filter"].is_object() && fits(&what["filter"], &record["metadata"]);
                    !is_named && !is_meant
                }),
            }
        }
    }
}

fn record_values(record: &Value) -> Value {
    record["values"].clone()
}

fn check_filter(filter: &Value) -> Result<(), Refusal> {
    for (field, condition) in filter.as_object().into_iter().flatten() {
        for (operator, value) in condition.as_object().into_iter().flatten() {
            let is_right = match operator.as_str() {
                "$eq" => !value.is_object(),
                "$in" | "$nin" => value
                    .as_array()
                    .is_some_and(|all| !all.is_empty() && all.len() <= MAX_IN_FILTER),
                _ => false,
            };
            if !is_right {
                return Err(invalid(format!("the filter of {field} by {operator}")));
            }
        }
    }
    Ok(())
}

fn fits(filter: &Value, metadata: &Value) -> bool {
    filter.as_object().into_iter().flatten().all(|(field, condition)| {
        let value = &metadata[field];
        match condition.as_object() {
            None => value == condition,
            Some(operators) => operators.iter().all(|(operator, operand)| {
                let among = operand.as_array().is_some_and(|all| all.contains(value));
                match operator.as_str() {
                    "$eq" => value == operand,
                    "$in" => among,
                    _ => !among,
                }
            }),
        }
    })
}
