//! A stub of Qdrant on a real socket. It implements the requests of Qdrant's REST API that carrel
//! sends. It refuses all other requests, wrong keys and vectors of the wrong length, and searches
//! by brute force.
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::wire::{self, Request, Response};

pub const KEY: &str = "the-key-of-the-stub";

#[derive(Default)]
struct Collection {
    size: u64,
    points: BTreeMap<i64, (Vec<f64>, Value)>,
}

/// Starts one stub for all tests of this process.
pub async fn address() -> String {
    static ADDRESS: LazyLock<String> = LazyLock::new(start);
    ADDRESS.clone()
}

pub fn start() -> String {
    let mut collections = HashMap::new();
    wire::start(move |request| {
        let (status, body) = match request.header("api-key") == KEY {
            true => answer(request, &mut collections),
            false => (401, json!({ "status": { "error": "Invalid API key" } })),
        };
        Response::new(status, body)
    })
}

type Answer = (u16, Value);

fn fine(result: Value) -> Answer {
    (200, json!({ "result": result, "status": "ok", "time": 0.001 }))
}

fn refused(status: u16, words: &str) -> Answer {
    (status, json!({ "status": { "error": words }, "time": 0.001 }))
}

fn answer(request: &Request, collections: &mut HashMap<String, Collection>) -> Answer {
    let body = &request.body;
    let is_awaited = request.parameter("wait") == Some("true");
    let (method, parts) = request.route();
    let ["collections", rest @ ..] = parts.as_slice() else { return refused(404, "") };
    let Some((name, rest)) = rest.split_first() else {
        return fine(json!({ "collections": [] }));
    };
    if (method, rest) == ("PUT", &[]) {
        if collections.contains_key(*name) {
            return refused(409, "Wrong input: Collection already exists!");
        }
        assert_eq!(body["vectors"]["distance"], "Cosine");
        let size = body["vectors"]["size"].as_u64().unwrap();
        collections.insert((*name).to_owned(), Collection { size, ..Collection::default() });
        return fine(json!(true));
    }
    let Some(collection) = collections.get_mut(*name) else {
        return refused(404, "Not found: Collection doesn't exist!");
    };
    match (method, rest) {
        ("GET", []) => fine(json!({ "status": "green" })),
        ("PUT", ["index"]) => {
            assert_eq!(body["field_schema"], "integer");
            fine(json!({ "status": "completed" }))
        }
        ("PUT", ["points"]) if is_awaited => collection.put(body),
        ("POST", ["points"]) => collection.some(body),
        ("POST", ["points", "delete"]) if is_awaited => collection.delete(body),
        ("POST", ["points", "count"]) => {
            assert_eq!(body["exact"], true);
            fine(json!({ "count": collection.chosen(&body["filter"]).len() }))
        }
        ("POST", ["points", "scroll"]) => collection.scroll(body),
        ("POST", ["points", "query"]) => collection.nearest(body),
        _ => refused(404, ""),
    }
}

impl Collection {
    fn put(&mut self, body: &Value) -> Answer {
        for point in body["points"].as_array().unwrap() {
            let vector = numbers(&point["vector"]);
            if vector.len() as u64 != self.size {
                return refused(400, "Wrong input: Vector dimension error");
            }
            let id = point["id"].as_i64().unwrap();
            self.points.insert(id, (vector, point["payload"].clone()));
        }
        fine(json!({ "status": "completed" }))
    }

    fn some(&self, body: &Value) -> Answer {
        let ids = body["ids"].as_array().unwrap().iter().filter_map(Value::as_i64);
        let points =
            ids.filter_map(|id| Some(json!({ "id": id, "payload": self.points.get(&id)?.1 })));
        fine(points.collect())
    }

    fn delete(&mut self, body: &Value) -> Answer {
        let tombstones = match body["points"].as_array() {
            Some(ids) => ids.iter().filter_map(Value::as_i64).collect(),
            None => self.chosen(&body["filter"]),
        };
        self.points.retain(|id, _| !tombstones.contains(id));
        fine(json!({ "status": "completed" }))
    }

    /// Returns small pages, so that clients have to continue.
    fn scroll(&self, body: &Value) -> Answer {
        let from = body["offset"].as_i64().unwrap_or(i64::MIN);
        let mut ids = self.chosen(&body["filter"]);
        ids.retain(|id| *id >= from);
        let next = ids.get(50).copied();
        ids.truncate(50);
        let points: Vec<_> = ids
            .iter()
            .map(|id| match body["with_payload"].as_bool().unwrap() {
                true => json!({ "id": id, "payload": self.points[id].1 }),
                false => json!({ "id": id }),
            })
            .collect();
        fine(json!({ "points": points, "next_page_offset": next }))
    }

    fn nearest(&self, body: &Value) -> Answer {
        let to = numbers(body["query"].get("nearest").unwrap_or(&body["query"]));
        if to.len() as u64 != self.size {
            return refused(400, "Wrong input: Vector dimension error");
        }
        let mut found = self.chosen(&body["filter"]);
        let score = |id: &i64| {
            let vector = &self.points[id].0;
            let length = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
            vector.iter().zip(&to).map(|(a, b)| a * b).sum::<f64>() / length.max(1e-30)
        };
        found.sort_by(|a, b| score(b).total_cmp(&score(a)));
        found.truncate(body["limit"].as_u64().unwrap() as usize);
        let points: Vec<_> =
            found.iter().map(|id| json!({ "id": id, "version": 0, "score": score(id) })).collect();
        fine(json!({ "points": points }))
    }

    /// Returns the ids of the points that match a filter, in order.
    fn chosen(&self, filter: &Value) -> Vec<i64> {
        let none = Vec::new();
        let conditions = |of: &str| filter[of].as_array().unwrap_or(&none);
        let holds = |payload: &Value, condition: &Value| {
            let value = &payload[condition["key"].as_str().unwrap()];
            match condition["match"]["any"].as_array() {
                Some(any) => any.contains(value),
                None => condition["match"]["value"] == *value,
            }
        };
        let fits = |payload: &Value| {
            conditions("must").iter().all(|condition| holds(payload, condition))
                && !conditions("must_not").iter().any(|condition| holds(payload, condition))
        };
        self.points.iter().filter(|(_, (_, payload))| fits(payload)).map(|(id, _)| *id).collect()
    }
}

fn numbers(values: &Value) -> Vec<f64> {
    values.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}
