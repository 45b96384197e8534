//! A stub of Weaviate: the parts of its REST and GraphQL APIs for collections of objects with
//! vectors. Like the real server it returns at most 10,000 objects. It deletes fewer at once, so
//! that clients have to continue.
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::graphql::{self, Field};
use crate::support::wire::{
    Rate, Request, Response, check, cosine, list, needed, numbers, object, optional, text, vector,
};

pub const KEY: &str = "the-key-of-the-stub";

const MAX_REPORTED: u64 = 10_000;
/// The number of objects deleted at once.
const MAX_REMOVED: usize = 70;

#[derive(Default)]
struct Class {
    definition: Value,
    /// Objects by id.
    objects: BTreeMap<String, Value>,
    /// The length of all vectors, known once there is one.
    size: Option<usize>,
}

#[derive(Default)]
struct Weaviate {
    classes: BTreeMap<String, Class>,
}

type Refusal = (u16, String);

fn invalid(message: impl Into<String>) -> Refusal {
    (422, message.into())
}

pub fn start(every: u64) -> String {
    let mut weaviate = Weaviate::default();
    let mut rate = Rate { every, seen: 0 };
    crate::support::wire::start(move |request| {
        // Readiness needs no key.
        let is_open = request.path.get(1).is_some_and(|part| part == ".well-known");
        if !is_open && request.header("authorization") != format!("Bearer {KEY}") {
            return Response::new(
                401,
                json!({ "code": 401, "message": "anonymous access not enabled" }),
            );
        }
        if rate.is_exceeded() {
            return Response::new(429, Value::Null).with("retry-after", 0);
        }
        weaviate.answer(request).unwrap_or_else(|(status, message)| match status {
            // The response of the real server to an unknown name.
            404 => Response::new(404, Value::Null),
            _ => Response::new(status, json!({ "error": [{ "message": message }] })),
        })
    })
}

impl Weaviate {
    fn answer(&mut self, request: &Request) -> Result<Response, Refusal> {
        let body = &request.body;
        let fine = |body: Value| Ok(Response::new(200, body));
        let not_found = || (404, String::new());
        match request.route() {
            ("GET", path) if path == ["v1", "meta"] => {
                fine(json!({ "hostname": "http://stub", "modules": {}, "version": "1.30.0" }))
            }
            ("GET", path) if path == ["v1", ".well-known", "ready"] => fine(Value::Null),
            ("GET", path) if path == ["v1", "nodes"] => {
                let stats = json!({ "queueLength": 0, "ratePerSecond": 100 });
                let node = json!({ "name": "stub", "status": "HEALTHY", "batchStats": stats });
                fine(json!({ "nodes": [node] }))
            }
            ("GET", path) if path == ["v1", "schema"] => {
                let all = self.classes.values().map(|class| class.definition.clone());
                fine(json!({ "classes": all.collect::<Vec<_>>() }))
            }
            ("POST", path) if path == ["v1", "schema"] => self.create(body),
            (method, path) if path.len() == 3 && path[..2] == ["v1", "schema"] => match method {
                "GET" => fine(self.classes.get(path[2]).ok_or_else(not_found)?.definition.clone()),
                "DELETE" => {
                    self.classes.remove(path[2]);
                    fine(Value::Null)
                }
                _ => Err(not_found()),
            },
            ("POST", path) if path == ["v1", "batch", "objects"] => self.store(body),
            ("DELETE", path) if path == ["v1", "batch", "objects"] => self.remove(body),
            ("POST", path) if path == ["v1", "graphql"] => fine(self.question(body)),
            ("GET", path) if path == ["v1", "objects"] => self.list(request),
            (method, path) if path.len() == 4 && path[..2] == ["v1", "objects"] => {
                let class = self.classes.get_mut(path[2]).ok_or_else(not_found)?;
                match method {
                    "GET" => fine(class.objects.get(path[3]).ok_or_else(not_found)?.clone()),
                    "DELETE" => {
                        class.objects.remove(path[3]).ok_or_else(not_found)?;
                        Ok(Response::new(204, Value::Null))
                    }
                    _ => Err(not_found()),
                }
            }
            _ => Err(not_found()),
        }
    }

    fn create(&mut self, body: &Value) -> Result<Response, Refusal> {
        let known = [
            needed("class", text),
            needed("vectorizer", text),
            optional("vectorIndexConfig", object),
            optional("properties", list),
        ];
        check(body, &known).map_err(invalid)?;
        let name = body["class"].as_str().unwrap_or_default();
        let is_sign = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !name.starts_with(|c: char| c.is_ascii_uppercase()) || !name.chars().all(is_sign) {
            return Err(invalid(format!("'{name}' is not a valid class name")));
        }
        if self.classes.contains_key(name) {
            return Err(invalid(format!("class name {name} already exists")));
        }
        for property in body["properties"].as_array().unwrap_or(&Vec::new()) {
            check(property, &[needed("name", text), needed("dataType", list)]).map_err(invalid)?;
        }
        let class = Class { definition: body.clone(), ..Class::default() };
        self.classes.insert(name.to_owned(), class);
        Ok(Response::new(200, body.clone()))
    }

    fn store(&mut self, body: &Value) -> Result<Response, Refusal> {
        check(body, &[needed("objects", list), optional("fields", list)]).map_err(invalid)?;
        let objects = body["objects"].as_array().cloned().unwrap_or_default();
        let mut results = Vec::new();
        for object in objects {
            let result = match self.store_one(&object) {
                Ok(()) => json!({ "status": "SUCCESS" }),
                Err(message) => {
                    json!({ "status": "FAILED", "errors": { "error": [{ "message": message }] } })
                }
            };
            results.push(json!({ "class": object["class"], "id": object["id"], "result": result }));
        }
        Ok(Response::new(200, results.into()))
    }

    fn store_one(&mut self, new_object: &Value) -> Result<(), String> {
        let known = [
            needed("class", text),
            needed("id", text),
            needed("properties", object),
            optional("vector", vector),
        ];
        check(new_object, &known)?;
        let name = new_object["class"].as_str().unwrap_or_default();
        // The real server would create the class.
        let class =
            self.classes.get_mut(name).ok_or("no such class; the stub does not create it")?;
        let id = new_object["id"].as_str().unwrap_or_default();
        let parts: Vec<_> = id.split('-').map(str::len).collect();
        if parts != [8, 4, 4, 4, 12] || !id.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
            return Err(format!("id {id} is no UUID"));
        }
        for (property, value) in new_object["properties"].as_object().into_iter().flatten() {
            let fits = match class.kind(property) {
                Some("int") => value.is_i64(),
                Some("text") => value.is_string(),
                _ => return Err(format!("no such prop with name '{property}'")),
            };
            if !fits {
                return Err(format!("invalid property '{property}'"));
            }
        }
        let skips = class.definition["vectorIndexConfig"]["skip"] == true;
        if !skips {
            let length = numbers(&new_object["vector"]).len();
            let size = *class.size.get_or_insert(length);
            if length != size || length == 0 {
                return Err(format!("new node has a vector with length {length}, not {size}"));
            }
        }
        class.objects.insert(id.to_owned(), new_object.clone());
        Ok(())
    }

    fn remove(&mut self, body: &Value) -> Result<Response, Refusal> {
        let known =
            [needed("match", object), optional("output", text), optional("dryRun", |_| true)];
        check(body, &known).map_err(invalid)?;
        let matching = &body["match"];
        check(matching, &[needed("class", text), needed("where", object)]).map_err(invalid)?;
        let name = matching["class"].as_str().unwrap_or_default();
        let class = self.classes.get_mut(name).ok_or_else(|| invalid("could not find class"))?;
        let mut chosen = class.chosen(&matching["where"], "valueIntArray").map_err(invalid)?;
        chosen.truncate(MAX_REMOVED);
        chosen.iter().for_each(|id| _ = class.objects.remove(id));
        let results = json!({
            "matches": chosen.len(), "limit": MAX_REMOVED, "successful": chosen.len(), "failed": 0,
        });
        Ok(Response::new(
            200,
            json!({ "match": matching, "output": "minimal", "results": results }),
        ))
    }

    fn list(&self, request: &Request) -> Result<Response, Refusal> {
        let name =
            request.parameter("class").ok_or_else(|| invalid("the stand-in wants a class"))?;
        let class = self.classes.get(name).ok_or((404, String::new()))?;
        let after = request.parameter("after").unwrap_or_default();
        let limit = request.parameter("limit").and_then(|limit| limit.parse().ok()).unwrap_or(25);
        let after_cursor = class.objects.iter().filter(|(id, _)| id.as_str() > after);
        let page: Vec<_> = after_cursor.take(limit).map(|(_, object)| object).collect();
        Ok(Response::new(200, json!({ "objects": page, "totalResults": page.len() })))
    }

    fn question(&self, body: &Value) -> Value {
        match self.respond(body) {
            Ok(data) => json!({ "data": data }),
            Err(message) => json!({ "data": null, "errors": [{ "message": message }] }),
        }
    }

    fn respond(&self, body: &Value) -> Result<Value, String> {
        check(body, &[needed("query", text)])?;
        let question = graphql::parsed(body["query"].as_str().unwrap_or_default())?;
        let [verb] = question.as_slice() else { return Err("one verb".to_owned()) };
        let [field] = verb.fields.as_slice() else { return Err("one class".to_owned()) };
        let class = self.classes.get(&field.name);
        let unknown =
            || format!("Cannot query field \"{}\" on type \"GetObjectsObj\".", field.name);
        let class = class.ok_or_else(unknown)?;
        let result = match verb.name.as_str() {
            "Get" => class.get(field)?,
            "Aggregate" => class.aggregate(field)?,
            _ => return Err("Cannot query".to_owned()),
        };
        Ok(json!({ &verb.name: { &field.name: result } }))
    }
}

impl Class {
    fn kind(&self, property: &str) -> Option<&str> {
        let all = self.definition["properties"].as_array()?;
        let found = all.iter().find(|known| known["name"] == property)?;
        found["dataType"][0].as_str()
    }

    fn aggregate(&self, field: &Field) -> Result<Value, String> {
        check(&field.arguments, &[optional("where", object)])?;
        let counted = self.chosen(&field.arguments["where"], "valueInt")?.len();
        Ok(json!([{ "meta": { "count": counted } }]))
    }

    fn get(&self, query_field: &Field) -> Result<Value, String> {
        let known = [
            optional("where", object),
            optional("nearVector", object),
            optional("limit", Value::is_u64),
            optional("sort", list),
        ];
        check(&query_field.arguments, &known)?;
        let limit = query_field.arguments["limit"].as_u64().unwrap_or(25);
        if limit == 0 || limit > MAX_REPORTED {
            return Err("query maximum results exceeded".to_owned());
        }
        let mut ids = self.chosen(&query_field.arguments["where"], "valueInt")?;
        let near = &query_field.arguments["nearVector"];
        if near.is_object() {
            check(near, &[needed("vector", vector)])?;
            let to = numbers(&near["vector"]);
            if self.size.is_some_and(|size| size != to.len()) {
                return Err("vector lengths don't match".to_owned());
            }
            let score = |id: &String| cosine(&numbers(&self.objects[id]["vector"]), &to);
            ids.sort_by(|a, b| score(b).total_cmp(&score(a)));
        }
        if let Some(sort) = query_field.arguments["sort"][0].as_object() {
            let property = sort["path"][0].as_str().ok_or("no path to sort by")?;
            ids.sort_by_key(|id| self.objects[id]["properties"][property].as_i64());
        }
        ids.truncate(limit as usize);
        let hits = ids.iter().map(|id| {
            let object = &self.objects[id];
            let values = query_field.fields.iter().map(|field| match field.name.as_str() {
                "_additional" => Ok((field.name.clone(), json!({ "id": id }))),
                name if self.kind(name).is_some() => {
                    Ok((field.name.clone(), object["properties"][name].clone()))
                }
                name => Err(format!("Cannot query field \"{name}\"")),
            });
            values.collect::<Result<serde_json::Map<_, _>, _>>().map(Value::Object)
        });
        hits.collect()
    }

    /// Returns the ids of the objects that match a filter. `many` is the name of the field for
    /// lists of numbers.
    fn chosen(&self, filter: &Value, many: &str) -> Result<Vec<String>, String> {
        let mut chosen = Vec::new();
        for (id, object) in &self.objects {
            if filter.is_null() || self.fits(filter, &object["properties"], many)? {
                chosen.push(id.clone());
            }
        }
        Ok(chosen)
    }

    fn fits(&self, filter: &Value, properties: &Value, many: &str) -> Result<bool, String> {
        let operator = filter["operator"].as_str().ok_or("a filter without operator")?;
        if operator == "And" {
            check(filter, &[needed("operator", text), needed("operands", list)])?;
            for operand in filter["operands"].as_array().unwrap_or(&Vec::new()) {
                if !self.fits(operand, properties, many)? {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        let is_of_many = operator == "ContainsAny";
        let field = if is_of_many { many } else { "valueInt" };
        let field = match field {
            "valueIntArray" => needed("valueIntArray", list),
            _ if is_of_many => needed("valueInt", list),
            _ => needed("valueInt", Value::is_i64),
        };
        check(filter, &[needed("operator", text), needed("path", list), field])?;
        let property = filter["path"][0].as_str().unwrap_or_default();
        if self.kind(property) != Some("int") {
            return Err(format!("no such prop with name '{property}' of type int"));
        }
        let (value, number) = (&properties[property], &filter["valueInt"]);
        Ok(match operator {
            "Equal" => value == number,
            "NotEqual" => value != number,
            "GreaterThan" => value.as_i64() > number.as_i64(),
            "ContainsAny" => filter[many].as_array().is_some_and(|all| all.contains(value)),
            _ => return Err(format!("unknown operator {operator}")),
        })
    }
}
