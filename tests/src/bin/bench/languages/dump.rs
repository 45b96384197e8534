//! Writes the candidates for reranking as JSON lines, from which `tests/retrieval/train_rerank.py`
//! learns the weights.
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use carrel_domain::lexical::LexicalQuery;
use carrel_services::search::TextFeatures;
use serde_json::{Value, json};

use super::sets::Set;
use super::{Bench, MODELS};

/// Number of candidates of a question: as many as are reranked.
const CANDIDATES: usize = 50;

/// Maximum number of questions of a set; larger sets are sampled evenly.
const MAX_QUESTIONS: usize = 400;

/// The end of the header above a passage.
const HEADER_END: &str = "</document_metadata>\n\n";

/// Writes a line for each question with its candidates.
pub fn write(sets: &[Set], into: &Path) -> Result<()> {
    let mut file = BufWriter::new(File::create(into).context(into.display().to_string())?);
    for model in MODELS {
        let mut bench = Bench::start(model)?;
        for set in sets {
            bench.add(set)?;
            let every = set.questions.len().div_ceil(MAX_QUESTIONS);
            for question in set.questions.iter().step_by(every) {
                let results = bench.search(&set.name, &question.text, "rerank", CANDIDATES)?;
                let query = LexicalQuery::of(&question.text);
                let candidate = |result| candidate(&bench, &query, result);
                let candidates = results.iter().map(candidate).collect::<Result<Vec<_>>>()?;
                let line = json!({
                    "set": set.name, "model": model, "half": question.half,
                    "question": question.text, "grades": question.grades, "candidates": candidates,
                });
                writeln!(file, "{line}")?;
            }
        }
    }
    Ok(file.flush()?)
}

fn candidate(bench: &Bench, query: &LexicalQuery, result: &Value) -> Result<Value> {
    let document = bench.document(result).context("an unknown document")?;
    let part = |value: &'_ Value| value.as_str().map(str::to_owned).context("a part is missing");
    let (title, text) = (part(&result["metadata"]["title"])?, part(&result["text"])?);
    let text = text.split_once(HEADER_END).map_or(&*text, |(_, text)| text);
    Ok(json!({
        "document": document, "score": result["why"]["rerankScore"], "similarity": result["score"],
        "bm25": result["why"]["lexicalScore"], "share": result["why"]["lexicalShare"],
        "features": TextFeatures::of(query, &title, text).values(),
    }))
}
