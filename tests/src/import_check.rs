//! Compares the answers of a server with those of another server before its data was imported.
//!
//! A folder of recorded answers contains `index.json` and a file for each request: `{request:
//! {method, path, body}, status, body}`. `tests/import/differs.tsv` lists the allowed differences.
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Number, Value};

use carrel_import::surrogates::repair;

use crate::{Client, send};

/// The allowed differences, one per line: a part of the request's path, a pattern of the place in
/// the response (see [`matches`]), and the reason.
const MAY_DIFFER: &str = include_str!("../import/differs.tsv");

/// A recorded installation: its storage folder and its server's responses.
pub struct Fixture {
    pub storage: PathBuf,
    pub expected: PathBuf,
    /// The API key used for the recording.
    pub key: String,
    /// Names and passwords of users who are not suspended.
    pub users: Vec<(String, String)>,
}

#[derive(Debug, Default)]
pub struct Comparison {
    pub equal: usize,
    /// Requests with differences that are not allowed, each with the places and values.
    pub different: BTreeMap<String, Vec<String>>,
}

/// Returns the folder of recorded installations, next to the clone. It only exists during
/// development.
pub fn installations() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/import")
}

impl Fixture {
    /// Reads a folder with `storage/`, `expected/` and `CREDENTIALS.md`.
    pub fn read(folder: &Path) -> Result<Self> {
        let notes = fs::read_to_string(folder.join("CREDENTIALS.md"))?;
        let key =
            notes.split("recorded with the key `").nth(1).and_then(|rest| rest.split('`').next());
        let key = key.context("CREDENTIALS.md does not say which key was used")?.to_owned();
        let users = notes.lines().filter_map(user).collect();
        let (storage, expected) = (folder.join("storage"), folder.join("expected"));
        Ok(Self { storage, expected, key, users })
    }
}

/// Parses a row `| 1 | name | `password` | role | note |` of a user who can sign in.
fn user(line: &str) -> Option<(String, String)> {
    let cells: Vec<_> = line.split('|').map(str::trim).collect();
    let &["", id, name, password, role, _remark, ""] = cells.as_slice() else { return None };
    id.parse::<u32>().ok()?;
    let password = password.strip_prefix('`')?.strip_suffix('`')?;
    (role != "-" && !_remark.contains("suspended")).then(|| (name.to_owned(), password.to_owned()))
}

/// Repeats every request with a key, and compares the responses.
pub async fn compare(client: &Client, expected: &Path) -> Result<Comparison> {
    let index: Value = serde_json::from_slice(&fs::read(expected.join("index.json"))?)?;
    let mut comparison = Comparison::default();
    for entry in index.as_array().context("index.json is no list")? {
        let file = expected.join(entry["file"].as_str().unwrap_or_default());
        // Some responses are reserved for acceptance tests.
        if entry["auth"] != "key" || !file.is_file() {
            continue;
        }
        let recorded: Value = serde_json::from_str(&repair(&fs::read_to_string(&file)?))?;
        let request = &recorded["request"];
        let path = request["path"].as_str().context("a request without a path")?;
        let method: Method = request["method"].as_str().unwrap_or("GET").parse()?;
        let mut call = client.request(method, path);
        if !request["body"].is_null() {
            call = call.json(&request["body"]);
        }
        let answer = send(call).await?;
        let mut found = Vec::new();
        if recorded["status"] != answer.status {
            found.push(format!("status: {} and not {}", answer.status, recorded["status"]));
        } else {
            let (expected_body, actual_body) = (parsed(&recorded["body"]), parsed(&answer.body));
            differences("", &expected_body, &actual_body, &mut found);
        }
        found.retain(|difference| !may_differ(path, difference));
        match found.is_empty() {
            true => comparison.equal += 1,
            false => _ = comparison.different.insert(path.to_owned(), found),
        }
    }
    ensure!(comparison.equal + comparison.different.len() > 0, "no answers are recorded");
    Ok(comparison)
}

/// Parses JSON in a text, so that it is compared as JSON; JSON lines become a list.
fn parsed(body: &Value) -> Value {
    let Value::String(text) = body else { return body.clone() };
    if let Ok(value) = serde_json::from_str(text) {
        return value;
    }
    let lines: Option<Vec<Value>> =
        text.lines().map(|line| serde_json::from_str(line).ok()).collect();
    lines.map_or_else(|| body.clone(), Value::Array)
}

/// Returns the identity of a list's entry, if it has one. The order of rows with equal times is
/// undefined, so lists are compared by identity.
fn identity(value: &Value) -> Option<String> {
    ["docpath", "name", "uuid", "id", "chatId"]
        .iter()
        .find_map(|field| value.get(field).filter(|value| !value.is_null()))
        .map(ToString::to_string)
}

fn differences(place: &str, expected: &Value, actual: &Value, found: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            for (name, expected) in expected {
                let actual = actual.get(name).unwrap_or(&Value::Null);
                differences(&format!("{place}/{name}"), expected, actual, found);
            }
        }
        (Value::Array(expected), Value::Array(actual)) => {
            if expected.len() != actual.len() {
                found.push(format!("{place}: {} entries and not {}", actual.len(), expected.len()));
            }
            let keyed: Option<BTreeMap<_, _>> =
                actual.iter().map(|value| Some((identity(value)?, value))).collect();
            let keyed = keyed.filter(|keyed| keyed.len() == actual.len());
            for (at, expected) in expected.iter().enumerate() {
                let same =
                    keyed.as_ref().and_then(|keyed| keyed.get(&identity(expected)?).copied());
                let Some(actual) = same.or_else(|| actual.get(at)) else { continue };
                differences(&format!("{place}/{at}"), expected, actual, found);
            }
        }
        (expected, actual) if expected == actual => {}
        (Value::Number(one), Value::Number(other)) if is_near(one, other) => {}
        (Value::String(one), Value::String(other)) if object(one).is_some() => {
            let (one, other) = (object(one), object(other));
            differences(place, &one.unwrap_or_default(), &other.unwrap_or_default(), found);
        }
        (expected, actual) => {
            let short = |value: &Value| value.to_string().chars().take(120).collect::<String>();
            found.push(format!("{place}: {} and not {}", short(actual), short(expected)));
        }
    }
}

/// Parses a JSON object in a text.
fn object(text: &str) -> Option<Value> {
    serde_json::from_str(&repair(text)).ok().filter(Value::is_object)
}

/// Whether two numbers differ only by rounding in formatting and parsing.
fn is_near(one: &Number, other: &Number) -> bool {
    let (Some(one), Some(other)) = (one.as_f64(), other.as_f64()) else { return false };
    (one - other).abs() <= 1e-9 * one.abs().max(other.abs())
}

fn may_differ(path: &str, difference: &str) -> bool {
    let place = difference.split(": ").next().unwrap_or_default();
    let lines = MAY_DIFFER.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('\t')).any(|(request, rest)| {
        let part = rest.split('\t').next().unwrap_or_default();
        path.contains(request) && matches(place, part)
    })
}

/// Whether a place matches a pattern: its parts between `*` follow one another, the last at the
/// end. `=` names the whole response.
fn matches(place: &str, pattern: &str) -> bool {
    if pattern == "=" {
        return place.is_empty();
    }
    let mut parts: Vec<_> = pattern.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    let Some(mut rest) = place.strip_suffix(last) else { return false };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}
