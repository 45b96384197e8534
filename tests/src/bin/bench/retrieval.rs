//! Measures searches in every mode over the labelled set of `tests/retrieval`.
//!
//! The bench uses the server as clients do. Each passage is a document, and each question is
//! searched for in every mode. Figures are for the held-out half of the questions, unless they say
//! `tune`.
use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::figure::Figure;
use crate::load::{Connection, request};
use crate::process::processor_time;
use crate::server::{KEY, start};

/// The header of a document when it is embedded with the text.
const HEADER: &str = "<document_metadata>\nsourceDocument: {}\npublished: 11/23/2026, 10:11:12 AM\n</document_metadata>\n\n";

struct Question {
    passage: String,
    kind: String,
    half: String,
    text: String,
}

/// The result of one question: ids of passages, best first.
type Found = Vec<String>;

struct Bench {
    connection: Connection,
    process: u32,
    /// Ids of passages by the location of their documents.
    ids: HashMap<String, String>,
}

pub fn measure() -> Result<Vec<Figure>> {
    let set = Path::new(env!("CARGO_MANIFEST_DIR")).join("retrieval");
    let passages = passages(&set.join("passages.jsonl"))?;
    let questions = questions(&set.join("questions.tsv"))?;
    let storage = tempfile::tempdir()?;
    let (server, address, _) = start(storage.path())?;
    let connection = Connection::open(&address)?;
    let mut bench = Bench { connection, process: server.0.id(), ids: HashMap::new() };
    for workspace in ["clean", "headed"] {
        bench.post("/v1/workspace/new", json!({ "name": workspace }))?;
        for passage in &passages {
            bench.add(workspace, passage)?;
        }
    }
    let mut figures = Vec::new();
    for mode in ["vector", "lexical", "hybrid", "rerank"] {
        figures.extend(bench.mode(mode, &questions)?);
    }
    figures.extend(bench.thresholds(&questions)?);
    figures.extend(bench.dialogues(&dialogues(&set.join("dialogues.tsv"))?)?);
    let headed = bench.search_all("headed", &questions, json!({ "searchMode": "vector" }))?;
    figures.extend(quality("vector, header embedded", &questions, &headed.0, "held"));
    figures.extend(quality("vector, header embedded, tune", &questions, &headed.0, "tune"));
    Ok(figures)
}

impl Bench {
    fn post(&mut self, path: &str, body: Value) -> Result<Value> {
        let answer = self.connection.exchange(&request("POST", path, KEY, &body.to_string()))?;
        Ok(serde_json::from_slice(&answer)?)
    }

    fn add(&mut self, workspace: &str, passage: &Value) -> Result<()> {
        let text = |key: &str| passage[key].as_str().context("a passage that lacks a part");
        let (title, body) = (text("title")?, text("text")?);
        let header = match workspace {
            "headed" => HEADER.replace("{}", title),
            _ => String::new(),
        };
        let metadata = json!({ "title": title, "docSource": text("id")? });
        let content = format!("{header}{body}");
        let body =
            json!({ "textContent": content, "metadata": metadata, "addToWorkspaces": workspace });
        let added = self.post("/v1/document/raw-text", body)?;
        let location = added["documents"][0]["location"].as_str().context("not added")?;
        self.ids.insert(location.to_owned(), text("id")?.to_owned());
        Ok(())
    }

    /// Returns the result of each question, and the CPU time of one search in milliseconds.
    fn search_all(
        &mut self,
        workspace: &str,
        questions: &[Question],
        options: Value,
    ) -> Result<(Vec<Found>, f64)> {
        let path = format!("/v1/workspace/{workspace}/vector-search");
        let start = processor_time(self.process)?;
        let mut all = Vec::new();
        for question in questions {
            let mut body = json!({ "query": question.text, "topN": 10, "scoreThreshold": 0 });
            if let (Some(body), Some(options)) = (body.as_object_mut(), options.as_object()) {
                body.extend(options.clone());
            }
            let answer = self.post(&path, body)?;
            let results = answer["results"].as_array().context("no results")?;
            let location = |result: &Value| {
                let location = result["metadata"]["location"].as_str()?;
                self.ids.get(location).cloned()
            };
            all.push(results.iter().filter_map(location).collect());
        }
        let cpu_time = processor_time(self.process)? - start;
        Ok((all, cpu_time * 1e3 / questions.len() as f64))
    }

    fn mode(&mut self, mode: &str, questions: &[Question]) -> Result<Vec<Figure>> {
        let (found, time) = self.search_all("clean", questions, json!({ "searchMode": mode }))?;
        let mut figures = quality(mode, questions, &found, "held");
        figures.extend(quality(&format!("{mode}, tune"), questions, &found, "tune"));
        for kind in ["natural", "name"] {
            let pairs: Vec<_> = questions.iter().zip(&found).collect();
            let ndcg = mean(pairs.iter().filter(|(q, _)| q.half == "held" && q.kind == kind), gain);
            figures.push(Figure::new(format!("{mode}, questions by {kind}: nDCG@10"), ndcg, ""));
        }
        figures.push(Figure::new(format!("{mode}: one search"), time, "CPU ms"));
        Ok(figures)
    }

    /// Measures searches with the defaults of a new workspace: four passages above the similarity
    /// threshold.
    fn thresholds(&mut self, questions: &[Question]) -> Result<Vec<Figure>> {
        let mut figures = Vec::new();
        for mode in ["vector", "hybrid", "rerank"] {
            let options = json!({ "searchMode": mode, "topN": 4, "scoreThreshold": null });
            let (found, _) = self.search_all("clean", questions, options)?;
            let pairs: Vec<_> = questions.iter().zip(&found).collect();
            let recall = mean(pairs.iter().filter(|(q, _)| q.half == "held"), |q, found| {
                f64::from(u8::from(found.contains(&q.passage)))
            });
            let name = format!("{mode}, as a new workspace is set: recall@4");
            figures.push(Figure::new(name, recall, ""));
        }
        Ok(figures)
    }
}

/// A conversation. One passage answers its last question.
struct Dialogue {
    passage: String,
    half: String,
    turns: Vec<String>,
}

impl Bench {
    /// Measures the last question of each conversation, asked in the conversation and asked alone.
    fn dialogues(&mut self, dialogues: &[Dialogue]) -> Result<Vec<Figure>> {
        let settings = json!({ "topN": 10, "similarityThreshold": 0 });
        self.post("/v1/workspace/clean/update", settings)?;
        let mut gains = Vec::new();
        for (number, dialogue) in dialogues.iter().enumerate() {
            let Dialogue { passage, half, turns } = dialogue;
            let last = turns.last().context("a conversation without a question")?;
            let without_history = self.sources(&format!("alone-{number}"), last)?;
            let mut found = Vec::new();
            for turn in turns {
                found = self.sources(&format!("dialogue-{number}"), turn)?;
            }
            gains.push((
                half.as_str(),
                gain_of(passage, &found),
                gain_of(passage, &without_history),
            ));
        }
        let mut figures = Vec::new();
        for half in ["tune", "held"] {
            let of_half: Vec<_> = gains.iter().filter(|(of, ..)| *of == half).collect();
            let mean = |gain: fn(&&(&str, f64, f64)) -> f64| {
                of_half.iter().map(&gain).sum::<f64>() / of_half.len() as f64
            };
            let name = format!("follow-up questions, {half}: nDCG@10");
            figures.push(Figure::new(name, mean(|(_, gain, _)| *gain), ""));
            let name = format!("follow-up questions asked alone, {half}: nDCG@10");
            figures.push(Figure::new(name, mean(|(.., gain)| *gain), ""));
        }
        Ok(figures)
    }

    /// Returns the ids of an answer's sources, best first.
    fn sources(&mut self, session: &str, question: &str) -> Result<Found> {
        let question_body = json!({ "message": question, "mode": "query", "sessionId": session });
        let answer = self.post("/v1/workspace/clean/chat", question_body)?;
        let sources = answer["sources"].as_array().with_context(|| format!("{answer}"))?;
        let id = |source: &Value| self.ids.get(source["location"].as_str()?).cloned();
        Ok(sources.iter().filter_map(id).collect())
    }
}

fn dialogues(path: &Path) -> Result<Vec<Dialogue>> {
    let text = fs::read_to_string(path)?;
    let dialogue = |line: &str| {
        let mut parts = line.split('\t').map(str::to_owned);
        let mut next = || parts.next().with_context(|| format!("cut short: {line}"));
        Ok(Dialogue { passage: next()?, half: next()?, turns: parts.collect() })
    };
    text.lines().map(dialogue).collect()
}

fn passages(path: &Path) -> Result<Vec<Value>> {
    let text = fs::read_to_string(path)?;
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

fn questions(path: &Path) -> Result<Vec<Question>> {
    let text = fs::read_to_string(path)?;
    let question = |line: &str| {
        let mut parts = line.splitn(4, '\t').map(str::to_owned);
        let mut next = || parts.next().with_context(|| format!("a question cut short: {line}"));
        Ok(Question { passage: next()?, kind: next()?, half: next()?, text: next()? })
    };
    text.lines().map(question).collect()
}

fn quality(name: &str, questions: &[Question], found: &[Found], half: &str) -> Vec<Figure> {
    let pairs: Vec<_> = questions.iter().zip(found).collect();
    let of_half = || pairs.iter().filter(|(question, _)| question.half == half);
    let ndcg = mean(of_half(), gain);
    let recall = mean(of_half(), |question, found| {
        f64::from(u8::from(found.iter().take(5).any(|id| *id == question.passage)))
    });
    vec![
        Figure::new(format!("{name}: nDCG@10"), ndcg, ""),
        Figure::new(format!("{name}: recall@5"), recall, ""),
    ]
}

/// Returns the nDCG of a question with one relevant passage: 1 for the first rank, less for lower
/// ones.
fn gain(question: &Question, found: &Found) -> f64 {
    gain_of(&question.passage, found)
}

fn gain_of(passage: &str, found: &Found) -> f64 {
    let rank = found.iter().take(10).position(|id| id == passage);
    rank.map_or(0.0, |rank| 1.0 / ((rank + 2) as f64).log2())
}

fn mean<'a>(
    pairs: impl Iterator<Item = &'a (&'a Question, &'a Found)>,
    metric: impl Fn(&Question, &Found) -> f64,
) -> f64 {
    let values: Vec<f64> = pairs.map(|(question, found)| metric(question, found)).collect();
    values.iter().sum::<f64>() / values.len() as f64
}
