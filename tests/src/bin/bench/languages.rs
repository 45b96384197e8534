//! Measures searches in many languages: `cargo xtask bench languages FOLDER`, on public data that
//! is not part of this repository.
//!
//! `FOLDER/xquad` contains XQuAD as `<language>.json` (CC BY-SA 4.0), `FOLDER/cranfield` the
//! Cranfield collection. Each paragraph or abstract is a document. Figures are nDCG@10 of each
//! search mode, with each embedding model in the cache, compared with BM25 over stems if Python has
//! `bm25s` and `PyStemmer`.
mod dump;
mod sets;

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use self::sets::{Set, ndcg};
use crate::figure::Figure;
use crate::load::{Connection, request};
use crate::programs;
use crate::server::{KEY, Running, start_with};

const MODES: [&str; 4] = ["vector", "lexical", "hybrid", "rerank"];

/// The name of each model in the setting.
const MODELS: [&str; 2] = ["all-MiniLM-L6-v2", "multilingual-e5-small"];

/// Questions in one language about documents in another.
const CROSS_LINGUAL: [(&str, &str); 3] = [("de", "en"), ("en", "de"), ("zh", "en")];

/// Writes the candidates of searches in these sets and our own.
pub fn dump(folder: &Path, into: &Path) -> Result<()> {
    let mut sets = sets::read(folder)?;
    sets.push(sets::own()?);
    dump::write(&sets, into)
}

pub fn measure(folder: &Path) -> Result<Vec<Figure>> {
    let sets = sets::read(folder)?;
    let mut figures = Vec::new();
    for model in MODELS {
        let mut bench = Bench::start(model)?;
        for set in &sets {
            bench.add(set)?;
        }
        for set in &sets {
            for mode in MODES {
                // Word search does not depend on the model.
                if mode != "lexical" || model == MODELS[0] {
                    let gain = bench.gain(&set.name, set, mode)?;
                    figures.push(Figure::new(figure_name(model, &set.name, mode), gain, ""));
                }
            }
        }
        for (question_set, document_set) in CROSS_LINGUAL {
            let set_named = |name: &str| sets.iter().find(|set| set.name == name);
            if let (Some(questions), Some(documents)) =
                (set_named(question_set), set_named(document_set))
            {
                let gain = bench.gain(&documents.name, questions, "hybrid")?;
                let name = format!("{question_set} about {document_set}");
                figures.push(Figure::new(figure_name(model, &name, "hybrid"), gain, ""));
            }
        }
    }
    figures.extend(stems(&sets)?);
    Ok(figures)
}

fn figure_name(model: &str, set: &str, mode: &str) -> String {
    match mode {
        "lexical" => format!("{set}, lexical: nDCG@10"),
        _ => format!("{set}, {mode}, {model}: nDCG@10"),
    }
}

/// Measures BM25 over Snowball stems. Returns nothing if Python lacks the packages.
fn stems(sets: &[Set]) -> Result<Vec<Figure>> {
    let python = std::env::var_os("CARREL_BENCH_BM25S").unwrap_or_else(|| "python3".into());
    let mut script = Command::new(python);
    script.arg("tests/retrieval/bm25s_reference.py");
    let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut input = child.stdin.take().context("no standard input")?;
    input.write_all(&serde_json::to_vec(sets)?)?;
    drop(input);
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{script:?} ended with {}", output.status);
    programs::parse(&output.stdout)
}

/// A server with one model, and a workspace for each set.
struct Bench {
    connection: Connection,
    /// Ids of documents by their locations.
    ids: HashMap<String, String>,
    _server: Running,
    _storage: tempfile::TempDir,
}

impl Bench {
    fn start(model: &str) -> Result<Self> {
        let storage = tempfile::tempdir()?;
        let (server, address, _) = start_with(storage.path(), &[("EMBEDDING_MODEL_PREF", model)])?;
        let connection = Connection::open(&address)?;
        Ok(Self { connection, ids: HashMap::new(), _server: server, _storage: storage })
    }

    fn post(&mut self, path: &str, body: Value) -> Result<Value> {
        let answer = self.connection.exchange(&request("POST", path, KEY, &body.to_string()))?;
        Ok(serde_json::from_slice(&answer)?)
    }

    fn add(&mut self, set: &Set) -> Result<()> {
        self.post("/v1/workspace/new", json!({ "name": set.name }))?;
        for document in &set.documents {
            let body = json!({
                "textContent": document.text, "metadata": { "title": document.title },
                "addToWorkspaces": set.name,
            });
            let added = self.post("/v1/document/raw-text", body)?;
            ensure!(added["warnings"].is_null(), "{added}");
            let location = added["documents"][0]["location"].as_str().context("not added")?;
            self.ids.insert(location.to_owned(), document.id.clone());
        }
        Ok(())
    }

    fn search(
        &mut self,
        workspace: &str,
        query: &str,
        mode: &str,
        limit: usize,
    ) -> Result<Vec<Value>> {
        let body =
            json!({ "query": query, "topN": limit, "scoreThreshold": 0, "searchMode": mode });
        let answer = self.post(&format!("/v1/workspace/{workspace}/vector-search"), body)?;
        Ok(answer["results"].as_array().context("no results")?.clone())
    }

    /// Returns the id of a hit's document in its set.
    fn document(&self, result: &Value) -> Option<&String> {
        self.ids.get(result["metadata"]["location"].as_str()?)
    }

    /// Returns the mean nDCG@10 of a set's questions in a workspace.
    fn gain(&mut self, workspace: &str, set: &Set, mode: &str) -> Result<f64> {
        let mut gains = Vec::new();
        for question in &set.questions {
            // A long document has several passages; the first hit counts.
            let results = self.search(workspace, &question.text, mode, set.limit)?;
            let ids: Vec<&String> =
                results.iter().filter_map(|result| self.document(result)).collect();
            gains.push(ndcg(&ids, &question.grades));
        }
        Ok(gains.iter().sum::<f64>() / gains.len() as f64)
    }
}
