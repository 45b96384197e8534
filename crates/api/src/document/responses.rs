//! Responses of an operation in the OpenAPI document: its own, those to its errors, and those to
//! requests that are refused before the handler runs.
use actix_web::http::StatusCode;
use carrel_domain::api_key::Scope;
use serde_json::{Map, Value, json};

use crate::error::documented::{self, MULTI_USER_ONLY, PLACE, SAID, SHAPE, SWITCHED_OFF};
use crate::error::openai::no_model;
use crate::error::{ApiError, no_route};
use crate::face::Face;

/// Adds error responses to those of an operation.
pub fn complete(face: Option<&Face>, path: &str, method: &str, operation: &mut Value) {
    let is_possible = possible(path, method, operation);
    let needs_key = operation.get("security").is_some();
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    let mut descriptions = Vec::new();
    if let Some(mut failures) = responses.remove(PLACE) {
        let shape = failures[SHAPE].as_str().unwrap_or_default();
        let alternatives = face.and_then(|face| (face.failures)(shape));
        descriptions = match alternatives {
            Some(respond) => documented::all(respond),
            None => failures[SAID].as_array_mut().map(std::mem::take).unwrap_or_default(),
        };
    }
    let refusals = guards(responses).into_iter().chain(common_refusals(needs_key));
    descriptions.extend(refusals.filter_map(|(refusal, description)| {
        let answer = face.and_then(|face| (face.refuse)(&refusal, path));
        documented::described(answer.unwrap_or_else(|| refusal.respond()), description)
    }));
    if path.contains("/openai/") {
        descriptions
            .extend(documented::described(no_model("its-name", &[]), "There is no such model."));
    }
    if path.contains('{') {
        descriptions.extend(documented::described(no_route(path), "The path does not exist."));
    }
    for answer in descriptions.into_iter().filter(|answer| is_possible(answer["status"].as_u64())) {
        add(responses, answer);
    }
    responses.sort_keys();
}

/// Returns a test of the statuses that an operation can return. Read operations never return 409, 413
/// or 422, and return 404 only if they have parameters.
fn possible(path: &str, method: &str, operation: &Value) -> impl Fn(Option<u64>) -> bool + use<> {
    let reads = method == "get";
    let is_asked = path.contains('{') || operation.get("parameters").is_some();
    move |status| match status {
        Some(409 | 413 | 422) => !reads,
        Some(404) => !reads || is_asked,
        _ => true,
    }
}

/// Removes the guard markers from the responses and returns the errors they stand for.
fn guards(responses: &mut Map<String, Value>) -> Vec<(ApiError, &'static str)> {
    let mut refusals = Vec::new();
    if responses.remove(MULTI_USER_ONLY).is_some() {
        refusals.push((ApiError::SingleUser, "The server is not in multi-user mode."));
    }
    for status in [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN] {
        if responses.remove(&format!("{SWITCHED_OFF}{}", status.as_u16())).is_some() {
            refusals.push((ApiError::Off(status, "why"), "The operation is turned off."));
        }
    }
    refusals
}

/// Returns the errors that any request may get, whatever the operation does.
fn common_refusals(needs_key: bool) -> Vec<(ApiError, &'static str)> {
    const INVALID_KEY: &str = "The API key is invalid, lacks the scope or is bound to workspaces.";
    const RATE_LIMITED: &str =
        "The key has sent too many requests; `Retry-After` says how long to wait.";
    let mut all = vec![
        (ApiError::BadPath, "The path is not percent-encoded UTF-8."),
        (ApiError::Encoded, "The body is compressed."),
    ];
    if needs_key {
        all.extend([
            (ApiError::InvalidApiKey, INVALID_KEY),
            (ApiError::MissingScope(Scope::Read), INVALID_KEY),
            (ApiError::TooMany(60), RATE_LIMITED),
        ]);
    }
    all
}

/// Adds a response to those with the same status.
fn add(responses: &mut Map<String, Value>, answer: Value) {
    let (status, media) = (answer["status"].to_string(), answer["media"].as_str());
    let description = answer["why"].as_str().unwrap_or_default();
    let response =
        responses.entry(status.clone()).or_insert_with(|| json!({ "description": description }));
    let described = response["description"].as_str().unwrap_or_default();
    // The operation itself describes its success.
    if !status.starts_with('2') && !described.contains(description) {
        response["description"] = format!("{described} {description}").into();
    }
    let media = media.unwrap_or_default();
    let content = &mut response["content"][media];
    if content["schema"].is_null() {
        *content = json!({ "schema": schema(&answer["body"]), "example": answer["body"] });
        return;
    }
    let known = content["schema"].take();
    content["schema"] = either(known, schema(&answer["body"]));
}

/// Returns the schema of bodies shaped like `body`.
fn schema(body: &Value) -> Value {
    match body {
        Value::Null => json!({ "type": "null" }),
        Value::Bool(_) => json!({ "type": "boolean" }),
        Value::Number(_) => json!({ "type": "number" }),
        Value::String(_) => json!({ "type": "string" }),
        Value::Array(_) => json!({ "type": "array", "items": {} }),
        Value::Object(fields) => {
            let required: Vec<_> = fields.keys().collect();
            let fields = fields.iter().map(|(name, value)| (name.clone(), schema(value)));
            let fields: Map<_, _> = fields.collect();
            json!({ "type": "object", "properties": fields, "required": required })
        }
    }
}

/// Returns the schema of bodies of either shape.
fn either(a: Value, b: Value) -> Value {
    if a == b || is_any_object(&a) && b["type"] == "object" {
        return a;
    }
    if let Some(choices) = a["anyOf"].as_array() {
        let mut choices = choices.clone();
        // Shapes that differ in details become one choice.
        match choices
            .iter_mut()
            .find_map(|known| merged(known, &b).map(|merged_schema| (known, merged_schema)))
        {
            Some((known, merged_schema)) => *known = merged_schema,
            None => choices.push(b),
        }
        return json!({ "anyOf": choices });
    }
    merged(&a, &b).unwrap_or_else(|| json!({ "anyOf": [a, b] }))
}

/// True if the schema matches any object.
fn is_any_object(schema: &Value) -> bool {
    schema["type"] == "object" && schema.get("properties").is_none()
}

/// Merges two schemas that have the same fields.
fn merged(a: &Value, b: &Value) -> Option<Value> {
    if a == b {
        return Some(a.clone());
    }
    let (known, more) = (a.get("properties"), b.get("properties"));
    let (Some(Value::Object(known)), Some(Value::Object(more))) = (known, more) else {
        return types(a, b);
    };
    if !known.keys().eq(more.keys()) || a["required"] != b["required"] {
        return None;
    }
    let fields = known.iter().zip(more.values());
    let fields = fields.map(|((name, a), b)| Some((name.clone(), merged(a, b)?)));
    let mut merged_schema = a.clone();
    merged_schema["properties"] = Value::Object(fields.collect::<Option<_>>()?);
    Some(merged_schema)
}

/// Merges the types of two plain values.
fn types(a: &Value, b: &Value) -> Option<Value> {
    let names = |schema: &Value| match &schema["type"] {
        Value::String(name) => Some(vec![name.clone()]),
        Value::Array(names) => names.iter().map(|name| name.as_str().map(str::to_owned)).collect(),
        _ => None,
    };
    let is_plain = |schema: &Value| schema.as_object().is_some_and(|schema| schema.len() == 1);
    if !is_plain(a) || !is_plain(b) {
        return None;
    }
    let (mut merged_schema, more) = (names(a)?, names(b)?);
    merged_schema.extend(more);
    merged_schema.sort();
    merged_schema.dedup();
    Some(json!({ "type": merged_schema }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_with_the_same_fields_are_merged_and_others_become_choices() {
        let a = schema(&json!({ "error": { "param": null, "code": "x" } }));
        let b = schema(&json!({ "error": { "param": "limit", "code": "y" } }));
        let merged_schema = either(a, b);
        let param = &merged_schema["properties"]["error"]["properties"]["param"];
        assert_eq!(*param, json!({ "type": ["null", "string"] }));
        let third = schema(&json!({ "message": "x" }));
        let choices = either(either(merged_schema.clone(), third.clone()), third);
        assert_eq!(choices["anyOf"].as_array().map(Vec::len), Some(2));
        assert_eq!(choices["anyOf"][0], merged_schema);
    }

    #[test]
    fn an_error_with_a_success_status_becomes_a_choice() {
        let mut responses = Map::new();
        responses.insert(
            "200".to_owned(),
            json!({ "description": "", "content": { "application/json": { "schema": { "$ref": "#/x" } } } }),
        );
        let refusal_body = json!({
            "status": 200, "media": "application/json", "body": { "thread": null }, "why": "Because.",
        });
        add(&mut responses, refusal_body);
        let schema = &responses["200"]["content"]["application/json"]["schema"]["anyOf"];
        assert_eq!(schema[0], json!({ "$ref": "#/x" }));
        assert_eq!(schema[1]["properties"]["thread"]["type"], "null");
    }
}
