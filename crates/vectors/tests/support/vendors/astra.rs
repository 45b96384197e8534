//! A stub of Astra DB's Data API. Searches and counts in vector collections see a change after a
//! short delay; reads by id see it immediately.
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::wire::{
    Rate, Request, Response, check, cosine, flag, list, needed, numbers, object, optional, text,
    vector, whole,
};

pub const KEY: &str = "AstraCS:the-stub:the-token-of-the-stub";
pub const KEYSPACE: &str = "default_keyspace";

const DELAY: Duration = Duration::from_millis(30);
const MAX_STORED: usize = 100;
const MAX_LISTED: usize = 100;
const MAX_COUNTED: usize = 1_000;
const MAX_RESULTS: u64 = 1_000;
const PAGE: usize = 20;
const MAX_COLLECTIONS: usize = 400;

#[derive(Default)]
struct Collection {
    options: Value,
    documents: BTreeMap<String, Value>,
    /// The documents that searches see.
    visible: BTreeMap<String, Value>,
    /// When the last change becomes visible.
    due: Option<Instant>,
}

#[derive(Default)]
struct Astra {
    collections: BTreeMap<String, Collection>,
}

/// The code and the message of an error.
type Refusal = (&'static str, String);

fn invalid(message: impl Into<String>) -> Refusal {
    ("INVALID_REQUEST", message.into())
}

pub fn start(every: u64) -> String {
    let mut astra = Astra::default();
    let mut rate = Rate { every, seen: 0 };
    crate::support::wire::start(move |request| {
        let errors = |code: &str, message: &str| json!({ "errors": [{ "message": message, "errorCode": code, "family": "REQUEST" }] });
        if request.header("token") != KEY {
            return Response::new(401, errors("UNAUTHENTICATED_REQUEST", "the token is invalid"));
        }
        if rate.is_exceeded() {
            return Response::new(429, errors("RATE_LIMIT", "too many")).with("retry-after", 0);
        }
        let answer = astra.answer(request);
        Response::new(200, answer.unwrap_or_else(|(code, message)| errors(code, &message)))
    })
}

impl Astra {
    fn answer(&mut self, request: &Request) -> Result<Value, Refusal> {
        let ("POST", path) = request.route() else { return Err(invalid("POST only")) };
        let ["api", "json", "v1", keyspace, rest @ ..] = path.as_slice() else {
            return Err(invalid("no such path"));
        };
        if *keyspace != KEYSPACE {
            return Err(("KEYSPACE_DOES_NOT_EXIST", "unknown keyspace".to_owned()));
        }
        let command = request.body.as_object().filter(|body| body.len() == 1);
        let (verb, body) = command
            .and_then(|command| command.iter().next())
            .ok_or_else(|| invalid("a body is one command"))?;
        match rest {
            [] => self.of_database(verb, body),
            [name] => {
                let collection = self.collections.get_mut(*name).ok_or_else(|| {
                    ("COLLECTION_NOT_EXIST", format!("Collection does not exist, name: {name}"))
                })?;
                collection.show();
                collection.answer(verb, body)
            }
            _ => Err(invalid("no such path")),
        }
    }

    fn of_database(&mut self, verb: &str, body: &Value) -> Result<Value, Refusal> {
        let named = |body: &Value| body["name"].as_str().unwrap_or_default().to_owned();
        match verb {
            "createCollection" => {
                check(body, &[needed("name", text), optional("options", object)])
                    .map_err(invalid)?;
                self.create(named(body), &body["options"])
            }
            "findCollections" => {
                let all = self.collections.keys().collect::<Vec<_>>();
                Ok(json!({ "status": { "collections": all } }))
            }
            "deleteCollection" => {
                check(body, &[needed("name", text)]).map_err(invalid)?;
                self.collections.remove(&named(body));
                Ok(json!({ "status": { "ok": 1 } }))
            }
            _ => Err(invalid(format!("unknown command {verb}"))),
        }
    }

    fn create(&mut self, name: String, options: &Value) -> Result<Value, Refusal> {
        let is_sign = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || name.len() > 48 || !name.chars().all(is_sign) {
            return Err(invalid(format!("collection name {name} is not valid")));
        }
        if !options.is_null() {
            let known = [optional("vector", object), optional("indexing", object)];
            check(options, &known).map_err(invalid)?;
        }
        if options["vector"].is_object() {
            let known = [needed("dimension", whole), optional("metric", text)];
            check(&options["vector"], &known).map_err(invalid)?;
            if !(1..=4_096).contains(&options["vector"]["dimension"].as_u64().unwrap_or_default()) {
                return Err(invalid("dimension is out of bounds"));
            }
        }
        if options["indexing"].is_object() {
            let known = [optional("allow", list), optional("deny", list)];
            check(&options["indexing"], &known).map_err(invalid)?;
        }
        match self.collections.get(&name) {
            Some(known) if known.options == *options => {}
            Some(_) => {
                let message = "a collection of this name with other options exists".to_owned();
                return Err(("EXISTING_COLLECTION_DIFFERENT_SETTINGS", message));
            }
            None if self.collections.len() >= MAX_COLLECTIONS => {
                return Err(("TOO_MANY_COLLECTIONS", "too many collections".to_owned()));
            }
            None => {
                let created = Collection { options: options.clone(), ..Collection::default() };
                self.collections.insert(name, created);
            }
        }
        Ok(json!({ "status": { "ok": 1 } }))
    }
}

impl Collection {
    fn show(&mut self) {
        if self.due.is_some_and(|due| due <= Instant::now()) {
            self.due = None;
            self.visible.clone_from(&self.documents);
        }
    }

    fn changed(&mut self) {
        match self.options["vector"].is_object() {
            true => self.due = Some(Instant::now() + DELAY),
            false => self.visible.clone_from(&self.documents),
        }
    }

    fn answer(&mut self, verb: &str, body: &Value) -> Result<Value, Refusal> {
        match verb {
            "insertMany" => self.insert(body),
            "findOneAndReplace" => self.replace(body),
            "findOne" => {
                let known = [optional("filter", object), optional("projection", object)];
                check(body, &known).map_err(invalid)?;
                let id = body["filter"]["_id"].as_str().ok_or_else(|| invalid("by _id only"))?;
                let found = self.documents.get(id);
                Ok(json!({ "data": { "document": found } }))
            }
            "find" => self.find(body),
            "countDocuments" => {
                check(body, &[optional("filter", object)]).map_err(invalid)?;
                let counted = self.chosen(&self.visible, &body["filter"])?.len();
                Ok(match counted > MAX_COUNTED {
                    true => json!({ "status": { "count": MAX_COUNTED, "moreData": true } }),
                    false => json!({ "status": { "count": counted } }),
                })
            }
            "deleteMany" => {
                check(body, &[optional("filter", object)]).map_err(invalid)?;
                let all = self.chosen(&self.documents, &body["filter"])?;
                let removed: Vec<_> = all.iter().take(PAGE).cloned().collect();
                let is_more = all.len() > PAGE;
                removed.iter().for_each(|id| _ = self.documents.remove(id));
                self.changed();
                Ok(match is_more {
                    true => {
                        json!({ "status": { "deletedCount": removed.len(), "moreData": true } })
                    }
                    false => json!({ "status": { "deletedCount": removed.len() } }),
                })
            }
            _ => Err(invalid(format!("unknown command {verb}"))),
        }
    }

    fn check_document(&self, document: &Value) -> Result<String, Refusal> {
        let id = document["_id"].as_str().ok_or_else(|| invalid("the stand-in wants an _id"))?;
        let size = self.options["vector"]["dimension"].as_u64();
        match (&document["$vector"], size) {
            (Value::Null, _) => {}
            (given, Some(size)) if vector(given) => {
                let values = numbers(given);
                if values.len() as u64 != size {
                    return Err(invalid("length of vector parameter different from declared"));
                }
                if values.iter().all(|value| *value == 0.0) {
                    return Err(invalid("zero vectors cannot be indexed or queried with cosine"));
                }
            }
            _ => return Err(invalid("$vector is not of the collection")),
        }
        Ok(id.to_owned())
    }

    fn insert(&mut self, body: &Value) -> Result<Value, Refusal> {
        check(body, &[needed("documents", list), optional("options", object)]).map_err(invalid)?;
        if body["options"].is_object() {
            let known = [optional("ordered", flag), optional("returnDocumentResponses", flag)];
            check(&body["options"], &known).map_err(invalid)?;
        }
        let documents = body["documents"].as_array().cloned().unwrap_or_default();
        if documents.is_empty() || documents.len() > MAX_STORED {
            return Err(invalid(format!("{} documents to insert", documents.len())));
        }
        let (mut inserted, mut errors) = (Vec::new(), Vec::new());
        for document in documents {
            let id = self.check_document(&document)?;
            if self.documents.contains_key(&id) {
                errors.push(json!({
                    "message": format!("document {id} exists"),
                    "errorCode": "DOCUMENT_ALREADY_EXISTS",
                }));
                continue;
            }
            inserted.push(id.clone());
            self.documents.insert(id, document);
        }
        self.changed();
        let status = match body["options"]["returnDocumentResponses"] == true {
            true => {
                let responses = inserted.iter().map(|id| json!({ "_id": id, "status": "OK" }));
                json!({ "documentResponses": responses.collect::<Vec<_>>() })
            }
            false => json!({ "insertedIds": inserted }),
        };
        Ok(match errors.is_empty() {
            true => json!({ "status": status }),
            false => json!({ "status": status, "errors": errors }),
        })
    }

    fn replace(&mut self, body: &Value) -> Result<Value, Refusal> {
        let known = [
            needed("filter", object),
            needed("replacement", object),
            optional("projection", object),
            optional("options", object),
        ];
        check(body, &known).map_err(invalid)?;
        let id = body["filter"]["_id"].as_str().ok_or_else(|| invalid("by _id only"))?;
        let known = [optional("upsert", flag), optional("returnDocument", text)];
        check(&body["options"], &known).map_err(invalid)?;
        let mut document = body["replacement"].clone();
        document["_id"] = json!(id);
        self.check_document(&document)?;
        let before = self.documents.insert(id.to_owned(), document.clone());
        self.changed();
        let returned = match body["options"]["returnDocument"] == "after" {
            true => Some(document),
            false => before.clone(),
        };
        let counts = match before {
            Some(_) => json!({ "matchedCount": 1, "modifiedCount": 1 }),
            None => json!({ "matchedCount": 0, "modifiedCount": 0, "upsertedId": id }),
        };
        Ok(json!({ "data": { "document": returned }, "status": counts }))
    }

    fn find(&self, body: &Value) -> Result<Value, Refusal> {
        let known = [
            optional("filter", object),
            optional("sort", object),
            optional("projection", object),
            optional("options", object),
        ];
        check(body, &known).map_err(invalid)?;
        let options = &body["options"];
        if !options.is_null() {
            let known = [
                optional("limit", whole),
                optional("pageState", |state| state.is_string() || state.is_null()),
                optional("includeSimilarity", flag),
            ];
            check(options, &known).map_err(invalid)?;
        }
        let limit = options["limit"].as_u64().unwrap_or(MAX_RESULTS);
        if limit == 0 || limit > MAX_RESULTS {
            return Err(invalid("limit is out of bounds"));
        }
        let mut ids = self.chosen(&self.visible, &body["filter"])?;
        let mut next = Value::Null;
        if body["sort"]["$vector"].is_array() {
            let to = numbers(&body["sort"]["$vector"]);
            if self.options["vector"]["dimension"].as_u64() != Some(to.len() as u64) {
                return Err(invalid("length of vector parameter different from declared"));
            }
            let score = |id: &String| cosine(&numbers(&self.visible[id]["$vector"]), &to);
            ids.sort_by(|a, b| score(b).total_cmp(&score(a)));
            ids.truncate(limit as usize);
        } else {
            let after = options["pageState"].as_str().unwrap_or_default();
            ids.retain(|id| id.as_str() > after);
            if ids.len() > PAGE {
                ids.truncate(PAGE);
                next = json!(ids.last());
            }
        }
        let fields = body["projection"].as_object();
        let returned = ids.iter().map(|id| {
            let mut document = self.visible[id].clone();
            let fields_of = document.as_object_mut().unwrap();
            match fields {
                Some(fields) => {
                    fields_of.retain(|name, _| name == "_id" || fields.contains_key(name))
                }
                None => fields_of.retain(|name, _| name != "$vector"),
            }
            document
        });
        let documents: Vec<_> = returned.collect();
        Ok(json!({ "data": { "documents": documents, "nextPageState": next } }))
    }

    fn is_indexed(&self, field: &str) -> bool {
        let indexing = &self.options["indexing"];
        let lists = |list: &Value| {
            list.as_array().is_some_and(|all| all.iter().any(|name| name == field || name == "*"))
        };
        field == "_id"
            || (indexing["allow"].is_null() || lists(&indexing["allow"]))
                && !lists(&indexing["deny"])
    }

    fn chosen(
        &self,
        among: &BTreeMap<String, Value>,
        filter: &Value,
    ) -> Result<Vec<String>, Refusal> {
        let conditions = filter.as_object().cloned().unwrap_or_default();
        for (field, condition) in &conditions {
            if !self.is_indexed(field) {
                return Err(invalid(format!("{field} is not indexed")));
            }
            for (operator, operand) in condition.as_object().into_iter().flatten() {
                let is_right = match operator.as_str() {
                    "$in" | "$nin" => operand.as_array().is_some_and(|all| all.len() <= MAX_LISTED),
                    "$gt" | "$lte" => operand.is_number(),
                    _ => false,
                };
                if !is_right {
                    return Err(invalid(format!("{operator} of {field}")));
                }
            }
        }
        let fits = |document: &Value| {
            conditions.iter().all(|(field, condition)| {
                let value = &document[field];
                let Some(operators) = condition.as_object() else { return value == condition };
                operators.iter().all(|(operator, operand)| {
                    let among = || operand.as_array().is_some_and(|all| all.contains(value));
                    match operator.as_str() {
                        "$in" => among(),
                        "$nin" => !among(),
                        "$gt" => value.as_f64() > operand.as_f64(),
                        _ => value.as_f64() <= operand.as_f64(),
                    }
                })
            })
        };
        Ok(among.iter().filter(|(_, each)| fits(each)).map(|(id, _)| id.clone()).collect())
    }
}
