//! The programs that measure one crate from inside: their JSON lines, as figures.
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::figure::Figure;

pub fn vectors() -> Result<Vec<Figure>> {
    figures(&["run", "--release", "-q", "-p", "carrel-vectors", "--example", "search_bench"])
}

pub fn encoder() -> Result<Vec<Figure>> {
    figures(&["run", "--release", "-q", "-p", "carrel-embedder", "--example", "encoder_bench"])
}

fn figures(arguments: &[&str]) -> Result<Vec<Figure>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(arguments).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{arguments:?} ended with {}", output.status);
    let text = String::from_utf8(output.stdout)?;
    text.lines().filter(|line| line.starts_with('{')).map(figure).collect()
}

fn figure(line: &str) -> Result<Figure> {
    let line: Value = serde_json::from_str(line)?;
    let name = line["figure"].as_str().context("a line without a figure")?;
    let value = line["value"].as_f64().context("a figure without a value")?;
    let unit = line["unit"].as_str().unwrap_or_default().to_owned();
    let mut figure = Figure::new(name, value, "");
    figure.name = if unit.is_empty() { name.to_owned() } else { format!("{name} ({unit})") };
    figure.limit = line["at_most"].as_f64();
    Ok(figure)
}
