//! Public collections as sets of documents and graded questions.
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::Value;

/// Number of ranks that count.
const CUTOFF: usize = 10;

#[derive(Serialize)]
pub struct Set {
    /// A language by its code, or `cranfield`.
    pub name: String,
    pub documents: Vec<Document>,
    pub questions: Vec<Question>,
    /// The number of requested passages, large enough for ten documents.
    pub limit: usize,
}

#[derive(Serialize)]
pub struct Document {
    pub id: String,
    pub title: String,
    pub text: String,
}

#[derive(Serialize)]
pub struct Question {
    pub text: String,
    /// The grade of a document.
    pub grades: BTreeMap<String, u8>,
    /// `tune` if parameters are chosen on it, otherwise `held`.
    pub half: String,
}

/// Reads the collections in a folder.
pub fn read(folder: &Path) -> Result<Vec<Set>> {
    let mut sets = Vec::new();
    if let Ok(files) = fs::read_dir(folder.join("xquad")) {
        let mut files: Vec<_> = files.map(|file| Ok(file?.path())).collect::<Result<Vec<_>>>()?;
        files.sort();
        for file in files.iter().filter(|file| file.extension().is_some_and(|is| is == "json")) {
            sets.push(xquad(file).with_context(|| file.display().to_string())?);
        }
    }
    if folder.join("cranfield").is_dir() {
        sets.push(cranfield(&folder.join("cranfield"))?);
    }
    ensure!(
        !sets.is_empty(),
        "{} holds neither `xquad` (<language>.json of github.com/google-deepmind/xquad) nor \
         `cranfield` (cran.all.1400, cran.qry, cranqrel)",
        folder.display()
    );
    Ok(sets)
}

fn xquad(file: &Path) -> Result<Set> {
    let name = file.file_stem().context("a file without a name")?.to_string_lossy().into_owned();
    let data: Value = serde_json::from_slice(&fs::read(file)?)?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned).context("a part that is no text");
    let (mut documents, mut questions) = (Vec::new(), Vec::new());
    for paragraph in list(&data["data"]).iter().flat_map(|article| list(&article["paragraphs"])) {
        let id = documents.len().to_string();
        for entry in list(&paragraph["qas"]) {
            let grades = BTreeMap::from([(id.clone(), 1)]);
            let half = half(documents.len());
            questions.push(Question { text: text(&entry["question"])?, grades, half });
        }
        let title = format!("Paragraph {id}");
        documents.push(Document { id, title, text: text(&paragraph["context"])? });
    }
    Ok(Set { name, documents, questions, limit: CUTOFF })
}

fn cranfield(folder: &Path) -> Result<Set> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).context(name.to_owned());
    let mut grades: BTreeMap<usize, BTreeMap<String, u8>> = BTreeMap::new();
    for line in read("cranqrel")?.lines() {
        let mut parts = line.split_whitespace();
        let (Some(query), Some(document), Some(grade)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        // 1 is best, 4 least; everything else is not relevant.
        if let Ok(grade @ 1..=4) = grade.parse::<u8>() {
            grades.entry(query.parse()?).or_default().insert(document.to_owned(), 5 - grade);
        }
    }
    let documents = records(&read("cran.all.1400")?).into_iter().map(|mut record| {
        let mut part = |name: char| record.remove(&name).unwrap_or_default();
        let (id, title, text) = (part('I'), part('T'), part('W'));
        // One abstract is empty.
        Document { text: if text.is_empty() { title.clone() } else { text }, id, title }
    });
    let queries = records(&read("cran.qry")?);
    // Judgments name queries by their order.
    let questions = (1..).zip(queries).filter_map(|(number, mut query)| {
        let (grades, text) = (grades.remove(&number)?, query.remove(&'W')?);
        Some(Question { grades, text, half: half(number) })
    });
    Ok(Set {
        name: "cranfield".to_owned(),
        documents: documents.filter(|document| !document.text.is_empty()).collect(),
        questions: questions.collect(),
        limit: 4 * CUTOFF,
    })
}

/// Reads our own labelled questions.
pub fn own() -> Result<Set> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("retrieval");
    let passages = fs::read_to_string(folder.join("passages.jsonl"))?;
    let document = |line: &str| {
        let passage: Value = serde_json::from_str(line)?;
        let part = |name: &str| passage[name].as_str().map(str::to_owned).context("cut short");
        Ok(Document { id: part("id")?, title: part("title")?, text: part("text")? })
    };
    let questions = fs::read_to_string(folder.join("questions.tsv"))?;
    let question = |line: &str| match line.splitn(4, '\t').collect::<Vec<_>>()[..] {
        [passage, _, half, text] => Ok(Question {
            text: text.to_owned(),
            grades: BTreeMap::from([(passage.to_owned(), 1)]),
            half: half.to_owned(),
        }),
        _ => anyhow::bail!("a question cut short: {line}"),
    };
    Ok(Set {
        name: "own".to_owned(),
        documents: passages.lines().map(document).collect::<Result<_>>()?,
        questions: questions.lines().map(question).collect::<Result<_>>()?,
        limit: CUTOFF,
    })
}

/// Returns the half of a paragraph or collection: every second one is used for tuning.
fn half(number: usize) -> String {
    if number.is_multiple_of(2) { "tune" } else { "held" }.to_owned()
}

/// Parses records into fields by their letters: `.I 1`, then lines of text below `.T`, `.W`, ...
fn records(text: &str) -> Vec<BTreeMap<char, String>> {
    let mut records: Vec<BTreeMap<char, String>> = Vec::new();
    let mut field = 'I';
    for line in text.lines() {
        if let Some(id) = line.strip_prefix(".I ") {
            records.push(BTreeMap::from([('I', id.trim().to_owned())]));
        } else if let [b'.', letter @ b'A'..=b'Z'] = line.trim_end().as_bytes() {
            field = char::from(*letter);
        } else if let Some(record) = records.last_mut() {
            let text = record.entry(field).or_default();
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(line.trim());
        }
    }
    records
}

/// Returns the nDCG of a ranking, from 0 to 1. Only the first hit of a document counts.
pub fn ndcg(ids: &[&String], grades: &BTreeMap<String, u8>) -> f64 {
    let mut unique: Vec<&String> = Vec::new();
    for id in ids {
        if !unique.contains(id) {
            unique.push(id);
        }
    }
    let gain = |grades: &[u8]| -> f64 {
        let grades_by_rank = grades.iter().take(CUTOFF).enumerate();
        grades_by_rank.map(|(rank, grade)| f64::from(*grade) / ((rank + 2) as f64).log2()).sum()
    };
    let of_found: Vec<_> =
        unique.iter().map(|id| grades.get(*id).copied().unwrap_or_default()).collect();
    let mut best: Vec<_> = grades.values().copied().collect();
    best.sort_unstable_by(|a, b| b.cmp(a));
    gain(&of_found) / gain(&best)
}
