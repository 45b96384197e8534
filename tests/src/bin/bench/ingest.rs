//! Measures adding documents, apart from the model's own time.
//!
//! For `ingest`, a deterministic embedding server in this process replaces the model, so its time
//! does not count; for `ingest-model`, the model inside the server does the embedding.
use anyhow::{Context, Result};
use e2e::model_server;
use serde_json::{Value, json};

use crate::figure::{Figure, median};
use crate::load::{Connection, request};
use crate::process::processor_time;
use crate::server::{KEY, ROUNDS, Running, start_with};

/// Documents in one round without the model, and with it.
const DOCUMENTS: usize = 500;
const FEW_DOCUMENTS: usize = 20;
/// The size of a document, in bytes.
const SIZE: usize = 2_500;
/// The maximum cost of a document without the model, in milliseconds.
const MAX_RATIO: f64 = 3.0;

pub async fn without_model() -> Result<Vec<Figure>> {
    let model = model_server::start().await?;
    let base = model.base_url();
    let environment = [
        ("EMBEDDING_ENGINE", "generic-openai"),
        ("EMBEDDING_BASE_PATH", &base),
        ("EMBEDDING_MODEL_PREF", "echo"),
        ("EMBEDDING_OUTPUT_DIMENSIONS", "384"),
    ];
    let mut figures = measure(&environment, DOCUMENTS)?;
    for figure in &mut figures {
        figure.limit = Some(MAX_RATIO);
    }
    Ok(figures)
}

pub fn with_model() -> Result<Vec<Figure>> {
    let figures = measure(&[], FEW_DOCUMENTS)?;
    let named =
        |figure: Figure| Figure { name: format!("{}, model included", figure.name), ..figure };
    Ok(figures.into_iter().map(named).collect())
}

fn measure(environment: &[(&str, &str)], documents: usize) -> Result<Vec<Figure>> {
    let storage = tempfile::tempdir()?;
    let (server, address, _) = start_with(storage.path(), environment)?;
    let mut bench = Bench { server, connection: Connection::open(&address)?, texts: 0 };
    bench.post("/v1/workspace/new", &json!({ "name": "bench" }))?;
    // The first documents load the model and open connections.
    bench.add(10, Some("bench"))?;
    let (mut single_request_costs, mut two_request_costs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let start = bench.milliseconds()?;
        bench.add(documents, Some("bench"))?;
        let added = bench.milliseconds()?;
        let adds = bench.add(documents, None)?;
        bench.post("/v1/workspace/bench/update-embeddings", &json!({ "adds": adds }))?;
        let placed = bench.milliseconds()?;
        single_request_costs.push((added - start) / documents as f64);
        two_request_costs.push((placed - added) / documents as f64);
    }
    Ok(vec![
        Figure::new(
            "a document of 2.5 kB into a workspace",
            median(single_request_costs),
            "CPU ms",
        ),
        Figure::new(
            "the same, added first and then placed by a job",
            median(two_request_costs),
            "CPU ms",
        ),
    ])
}

struct Bench {
    server: Running,
    connection: Connection,
    /// The number of different texts so far.
    texts: usize,
}

impl Bench {
    fn milliseconds(&self) -> Result<f64> {
        Ok(processor_time(self.server.0.id())? * 1e3)
    }

    fn post(&mut self, path: &str, body: &Value) -> Result<Value> {
        let answer = self.connection.exchange(&request("POST", path, KEY, &body.to_string()))?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Adds new texts and returns their locations.
    fn add(&mut self, documents: usize, into: Option<&str>) -> Result<Vec<String>> {
        let mut locations = Vec::with_capacity(documents);
        for _ in 0..documents {
            self.texts += 1;
            let mut text = String::with_capacity(SIZE + 64);
            for sentence in 0.. {
                if text.len() >= SIZE {
                    break;
                }
                let number = self.texts;
                text.push_str(&format!(
                    "Page {number} says in sentence {sentence} that all is well. "
                ));
            }
            text.truncate(SIZE);
            let mut body = json!({ "textContent": text, "metadata": { "title": "page" } });
            if let Some(into) = into {
                body["addToWorkspaces"] = json!(into);
            }
            let added = self.post("/v1/document/raw-text", &body)?;
            anyhow::ensure!(added.get("warnings").is_none(), "{}", added["warnings"]);
            let location = added["documents"][0]["location"].as_str().context("no location")?;
            locations.push(location.to_owned());
        }
        Ok(locations)
    }
}
