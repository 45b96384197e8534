//! A stub of Chroma's cloud. It checks key, tenant, database and quotas, and forwards requests to a
//! real Chroma server.
use serde_json::{Value, json};

use crate::support::wire::{
    Rate, Request, Response, check, list, needed, numbers, object, optional, text, whole,
};

pub const KEY: &str = "ck-the-key-of-the-stub";
pub const TENANT: &str = "tenant-of-the-stub";
pub const DATABASE: &str = "database-of-the-stub";

const MAX_POINTS: usize = 300;
const MAX_DIMENSIONS: usize = 4_096;
const LONGEST_NAME: usize = 128;
const MAX_PREDICATES: usize = 8;

/// `chroma` is the address of the real server.
pub fn start(chroma: &str, every: u64) -> String {
    let chroma = chroma.trim_end_matches('/').to_owned();
    let mut rate = Rate { every, seen: 0 };
    // Both may already exist.
    send(&chroma, "POST", "/api/v2/tenants", &json!({ "name": TENANT }));
    let databases = format!("/api/v2/tenants/{TENANT}/databases");
    send(&chroma, "POST", &databases, &json!({ "name": DATABASE }));
    crate::support::wire::start(move |request| {
        let refused = |status, error: &str, message: &str| {
            Response::new(status, json!({ "error": error, "message": message }))
        };
        if request.header("x-chroma-token") != KEY {
            return refused(403, "AuthError", "Permission denied.");
        }
        if rate.is_exceeded() {
            return refused(429, "RateLimitError", "Rate limit exceeded").with("retry-after", 0);
        }
        if request.path == ["api", "v2", "auth", "identity"] {
            let of = json!({ "user_id": "stub", "tenant": TENANT, "databases": [DATABASE] });
            return Response::new(200, of);
        }
        if let Err(message) = checked(request) {
            return refused(422, "QuotaExceeded", &message);
        }
        let path = format!("/{}", request.path.join("/"));
        let query: Vec<_> = request.query.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let target = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
        let (status, body) = send(&chroma, &request.method, &target, &request.body);
        Response::new(status, body)
    })
}

/// Refuses requests that exceed the cloud's quotas or are not part of its API.
fn checked(request: &Request) -> Result<(), String> {
    let (method, path) = request.route();
    let rest = match path.as_slice() {
        ["api", "v2", "pre-flight-checks" | "heartbeat" | "version"] => return Ok(()),
        ["api", "v2", "tenants", tenant, rest @ ..] if *tenant == TENANT => match rest {
            [] => return Ok(()),
            ["databases", database, rest @ ..] if *database == DATABASE => rest,
            _ => return Err("the key is of another database".to_owned()),
        },
        _ => return Err("the key is of another tenant".to_owned()),
    };
    let body = &request.body;
    let points = |value: &Value| value.as_array().map_or(0, Vec::len);
    match (method, rest) {
        ("POST", ["collections"]) => {
            let name = body["name"].as_str().unwrap_or_default();
            let is_short = name.len() <= LONGEST_NAME;
            is_short.then_some(()).ok_or_else(|| "collection name is too long".to_owned())
        }
        ("POST", ["collections", _, "upsert" | "add"]) => {
            let known = [
                needed("ids", list),
                needed("embeddings", list),
                optional("metadatas", |_| true),
                optional("documents", |_| true),
                optional("uris", |_| true),
            ];
            check(body, &known)?;
            let longest = body["embeddings"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|each| numbers(each).len())
                .max();
            if points(&body["ids"]) > MAX_POINTS || longest.unwrap_or_default() > MAX_DIMENSIONS {
                return Err("number of records or dimensions exceeds the quota".to_owned());
            }
            Ok(())
        }
        ("POST", ["collections", _, "get" | "delete"]) => {
            let known = [
                optional("ids", |_| true),
                optional("limit", |limit| whole(limit) || limit.is_null()),
                optional("offset", |offset| whole(offset) || offset.is_null()),
                optional("include", list),
                optional("where", |_| true),
                optional("where_document", |_| true),
            ];
            check(body, &known)?;
            let limit = body["limit"].as_u64().unwrap_or_default() as usize;
            if points(&body["ids"]).max(limit) > MAX_POINTS {
                return Err("limit value exceeds the quota".to_owned());
            }
            predicates(&body["where"])
        }
        ("POST", ["collections", _, "query"]) => {
            let known = [
                needed("query_embeddings", list),
                optional("n_results", whole),
                optional("include", list),
                optional("where", |_| true),
                optional("where_document", |_| true),
                optional("ids", |_| true),
            ];
            check(body, &known)?;
            if body["n_results"].as_u64().unwrap_or(10) as usize > MAX_POINTS {
                return Err("number of results exceeds the quota".to_owned());
            }
            predicates(&body["where"])
        }
        _ => Ok(()),
    }
}

fn predicates(filter: &Value) -> Result<(), String> {
    if !(object(filter) || filter.is_null()) || text(filter) {
        return Err("where is no object".to_owned());
    }
    let count = filter.as_object().map_or(0, serde_json::Map::len);
    (count <= MAX_PREDICATES).then_some(()).ok_or_else(|| "too many predicates".to_owned())
}

/// Sends a request to the real server and returns its response.
fn send(address: &str, method: &str, target: &str, body: &Value) -> (u16, Value) {
    use std::io::{Read, Write};
    let host = address.strip_prefix("http://").unwrap();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    let length = body.len();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}
