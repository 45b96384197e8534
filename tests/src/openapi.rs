//! The server's OpenAPI document, as a source of requests.
use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::Client;

/// The maximum depth of a value that is generated from a schema.
const DEEPEST: usize = 6;

pub struct Document(Value);

/// An operation of the document.
#[derive(Clone, Debug)]
pub struct Operation {
    pub method: Method,
    /// The path with parameters in braces.
    pub path: String,
    /// Names of the query parameters.
    pub query: Vec<String>,
    /// Media types of the body, if it takes one.
    pub media: Vec<String>,
    /// A valid body.
    pub body: Value,
    /// Names of the properties of the body.
    pub properties: Vec<String>,
}

impl Document {
    pub async fn of(client: &Client) -> Result<Self> {
        Ok(Self(client.anonymous().get("/v1/openapi.json").await?.ok()?))
    }

    pub fn operations(&self) -> Result<Vec<Operation>> {
        let paths = self.0["paths"].as_object().context("no paths")?;
        let mut operations = Vec::new();
        for (path, item) in paths {
            for (method, operation) in item.as_object().context("no operations")? {
                operations.push(self.operation(method, path, operation)?);
            }
        }
        Ok(operations)
    }

    fn operation(&self, method: &str, path: &str, operation: &Value) -> Result<Operation> {
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let query = parameters.iter().filter(|parameter| parameter["in"] == "query");
        let query = query.filter_map(|parameter| parameter["name"].as_str().map(str::to_owned));
        let content = operation["requestBody"]["content"].as_object().cloned().unwrap_or_default();
        let schema = content.values().next().map(|media| &media["schema"]);
        let body = schema.map_or(Value::Null, |schema| self.example(schema, 0));
        let known = schema.map(|schema| self.resolved(schema)["properties"].clone());
        let known = known.and_then(|known| Some(known.as_object()?.keys().cloned().collect()));
        Ok(Operation {
            method: Method::from_bytes(method.to_uppercase().as_bytes())?,
            path: path.to_owned(),
            query: query.collect(),
            media: content.keys().cloned().collect(),
            body,
            properties: known.unwrap_or_default(),
        })
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let reference = schema["$ref"].as_str().and_then(|name| name.strip_prefix('#'));
        reference.and_then(|name| self.0.pointer(name)).unwrap_or(schema)
    }

    /// Returns a value that matches a schema, with every property.
    fn example(&self, schema: &Value, depth: usize) -> Value {
        let schema = self.resolved(schema);
        if let Some(example) = schema.get("example") {
            return example.clone();
        }
        for choice in ["oneOf", "anyOf"] {
            let choices = schema[choice].as_array().into_iter().flatten();
            if let Some(first) = choices.into_iter().find(|choice| choice["type"] != "null") {
                return self.example(first, depth + 1);
            }
        }
        let mut properties = Map::new();
        for part in schema["allOf"].as_array().into_iter().flatten() {
            properties
                .extend(self.example(part, depth + 1).as_object().cloned().unwrap_or_default());
        }
        let kinds = schema["type"].as_array().cloned();
        let kind = kinds.and_then(|kinds| kinds.into_iter().find(|kind| *kind != "null"));
        match kind.unwrap_or_else(|| schema["type"].clone()).as_str() {
            Some("string") => schema["enum"][0].as_str().map_or(json!("text"), |one| json!(one)),
            Some("integer") => json!(schema["minimum"].as_i64().unwrap_or(1)),
            Some("number") => json!(0.5),
            Some("boolean") => json!(false),
            Some("array") if depth < DEEPEST => json!([self.example(&schema["items"], depth + 1)]),
            Some("array") => json!([]),
            _ => {
                let known = schema["properties"].as_object().into_iter().flatten();
                for (name, schema) in known.filter(|_| depth < DEEPEST) {
                    properties.insert(name.clone(), self.example(schema, depth + 1));
                }
                Value::Object(properties)
            }
        }
    }
}

impl Operation {
    /// Returns the path with `value` in place of each parameter, percent-encoded.
    pub fn path_with(&self, value: impl Fn(&str) -> String) -> String {
        let segments = self.path.split('/').map(|segment| {
            let name = segment.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
            name.map_or_else(|| segment.to_owned(), |name| encoded(&value(name)))
        });
        segments.collect::<Vec<_>>().join("/")
    }

    pub fn takes(&self, media: &str) -> bool {
        self.media.iter().any(|known| known == media)
    }

    /// Whether it belongs to `/api/v1`, where some refusals are 500 on purpose.
    pub fn is_compat(&self) -> bool {
        self.path.starts_with("/api/")
    }
}

/// Percent-encodes every byte except unreserved ones.
pub fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let encode = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// Returns JSON pointers to every member of a value, without the value itself.
pub fn places(value: &Value) -> Vec<String> {
    let below = |name: String, inner: &Value| {
        let deeper = places(inner).into_iter().map(|place| format!("/{name}{place}"));
        std::iter::once(format!("/{name}")).chain(deeper).collect::<Vec<_>>()
    };
    match value {
        Value::Object(members) => {
            let members = members.iter();
            let name = |name: &String| name.replace('~', "~0").replace('/', "~1");
            members.flat_map(|(key, inner)| below(name(key), inner)).collect()
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.flat_map(|(at, inner)| below(at.to_string(), inner)).collect()
        }
        _ => Vec::new(),
    }
}
