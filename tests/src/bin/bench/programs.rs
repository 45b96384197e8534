//! The programs that measure one crate from inside: their JSON lines, as figures.
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::figure::Figure;

/// How many threads encoders get.
const THREADS: &str = "2";

pub fn vectors() -> Result<Vec<Figure>> {
    figures(&mut example("carrel-vectors", "search_bench"))
}

/// The encoder, and onnxruntime with the same texts and threads where Python has it.
pub fn encoder() -> Result<Vec<Figure>> {
    let models = carrel_embedder::testing::model_dir();
    let mut ours =
        figures(example("carrel-embedder", "encoder_bench").arg("--").arg(&models).arg(THREADS))?;
    let script = "crates/embedder/bench/onnxruntime_reference.py";
    let mut reference = Command::new("python3");
    let Ok(theirs) = figures(reference.args([script.as_ref(), models.as_os_str()]).arg(THREADS))
    else {
        eprintln!(
            "onnxruntime is not there to compare with: pip install onnxruntime onnx tokenizers safetensors"
        );
        return Ok(ours);
    };
    for their in theirs {
        if let Some(our) = ours.iter().find(|our| our.name == their.name) {
            let ratio = our.value / their.value;
            ours.push(Figure::new(format!("{} beside onnxruntime", their.name), ratio, "x"));
        }
        let name = format!("onnxruntime: {}", their.name);
        ours.push(Figure { name, ..their });
    }
    Ok(ours)
}

fn example(package: &str, name: &str) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["run", "--release", "-q", "-p", package, "--example", name]);
    cargo
}

fn figures(program: &mut Command) -> Result<Vec<Figure>> {
    let output = program.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{program:?} ended with {}", output.status);
    let text = String::from_utf8(output.stdout)?;
    text.lines().filter(|line| line.starts_with('{')).map(figure).collect()
}

fn figure(line: &str) -> Result<Figure> {
    let line: Value = serde_json::from_str(line)?;
    let name = line["figure"].as_str().context("a line without a figure")?;
    let value = line["value"].as_f64().context("a figure without a value")?;
    let unit = line["unit"].as_str().unwrap_or_default();
    Ok(Figure {
        name: format!("{name} ({unit})"),
        value,
        unit: "",
        limit: line["at_most"].as_f64(),
    })
}
