//! Runs the programs that measure one crate from inside, and reads their JSON lines.
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::figure::Figure;

/// The number of threads for encoders.
const THREADS: &str = "2";

pub fn vectors() -> Result<Vec<Figure>> {
    figures(&mut example("carrel-vectors", "search_bench"))
}

/// Measures vector databases and the embedded index.
pub fn stores() -> Result<Vec<Figure>> {
    figures(&mut example("carrel-vectors", "store_bench"))
}

/// Measures the encoder, and onnxruntime with the same texts and threads if Python has it.
pub fn encoder() -> Result<Vec<Figure>> {
    let models = carrel_embedder::testing::model_dir();
    let mut carrel_figures =
        figures(example("carrel-embedder", "encoder_bench").arg("--").arg(&models).arg(THREADS))?;
    let script = "crates/embedder/bench/onnxruntime_reference.py";
    let mut reference = Command::new("python3");
    let Ok(reference_figures) =
        figures(reference.args([script.as_ref(), models.as_os_str()]).arg(THREADS))
    else {
        eprintln!(
            "onnxruntime is not there to compare with: pip install onnxruntime onnx tokenizers safetensors"
        );
        return Ok(carrel_figures);
    };
    for reference in reference_figures {
        if let Some(figure) = carrel_figures.iter().find(|figure| figure.name == reference.name) {
            let ratio = figure.value / reference.value;
            carrel_figures.push(Figure::new(
                format!("{} beside onnxruntime", reference.name),
                ratio,
                "x",
            ));
        }
        let name = format!("onnxruntime: {}", reference.name);
        carrel_figures.push(Figure { name, ..reference });
    }
    Ok(carrel_figures)
}

/// Measures Whisper on generated recordings, and other programs with the same model if Python has
/// them.
pub fn speech() -> Result<Vec<Figure>> {
    let models = carrel_embedder::testing::model_dir();
    let model = models.with_file_name("whisper-base");
    ensure!(model.is_dir(), "fetch the model first: carrel model fetch whisper-base");
    let recordings = tempfile::tempdir()?;
    let mut generator = Command::new("python3");
    generator.arg("crates/speech/bench/recordings.py").arg(recordings.path());
    let generated = generator.status().context("failed to start python3")?;
    ensure!(generated.success(), "espeak-ng, flite and sox are needed to make recordings");
    let mut program = example("carrel-speech", "listening_bench");
    program.arg("--").args([model.as_path(), recordings.path()]).arg(THREADS);
    let mut all = figures(&mut program)?;
    let script = "crates/speech/bench/reference.py";
    let python = std::env::var_os("CARREL_BENCH_LISTENERS").unwrap_or_else(|| "python3".into());
    let mut reference = Command::new(python);
    reference.arg(script).args([model.as_path(), recordings.path()]).arg(THREADS);
    match figures(&mut reference) {
        Ok(reference_figures) if !reference_figures.is_empty() => all.extend(reference_figures),
        _ => eprintln!(
            "faster-whisper and whisper.cpp are not there to compare with; `cargo xtask bench speech` installs them"
        ),
    }
    Ok(all)
}

/// The file types for which Node.js parsers are measured.
const PARSED_TYPES: [&str; 7] = ["pdf", "docx", "pptx", "xlsx", "odt", "odp", "ods"];

/// Measures document readers, and Node.js parsers with the same files if they are installed.
pub fn parsers() -> Result<Vec<Figure>> {
    let files = std::fs::read_dir("tests/fixtures/made")?;
    let mut files: Vec<_> = files.map(|file| Ok(file?.path())).collect::<Result<_>>()?;
    files.retain(|file| {
        let is_parsed = file
            .extension()
            .is_some_and(|kind| PARSED_TYPES.iter().any(|extension| kind == *extension));
        // Files protected by a password cannot be read.
        is_parsed && file.file_stem().is_some_and(|stem| stem != "password")
    });
    files.sort();
    let carrel_figures =
        figures(example("carrel-documents", "parse_bench").arg("--").args(&files))?;
    let Some(packages) = std::env::var_os("CARREL_BENCH_NODE_PACKAGES") else {
        eprintln!("parsers for Node are left out: Node and npm are not there");
        return Ok(carrel_figures);
    };
    let script = "crates/documents/bench/node_parsers.mjs";
    let node = figures(Command::new("node").arg(script).arg(packages).args(&files))?;
    let mut all = Vec::new();
    for figure in carrel_figures {
        let reference = node.iter().find(|reference| reference.name == figure.name);
        let reference = reference.with_context(|| format!("Node did not read {}", figure.name))?;
        let ratio = figure.value / reference.value;
        let figure_named =
            |by: &str, value| Figure::new(format!("{by}: {}", figure.name), value, "");
        all.push(figure_named("carrel", figure.value));
        all.push(figure_named("Node", reference.value));
        all.push(Figure::new(format!("{} beside Node", figure.name), ratio, "x").at_most(1.0));
    }
    Ok(all)
}

/// Compares reading the files in a folder with other programs; prints a table to standard output.
pub fn corpus(arguments: impl Iterator<Item = String>) -> Result<()> {
    let reader = file_reader()?;
    let mut script = Command::new("python3");
    script.arg("crates/documents/bench/corpus.py").arg(reader).args(arguments);
    let status = script.status().context("failed to start python3")?;
    ensure!(status.success(), "the comparison ended with {status}");
    Ok(())
}

/// Generates pictures of texts and compares reading them with other programs; prints a table to
/// standard output.
pub fn pictures(arguments: impl Iterator<Item = String>) -> Result<()> {
    let model = carrel_embedder::testing::model_dir().with_file_name("ocr");
    ensure!(model.is_dir(), "fetch the model first: carrel model fetch ocr");
    let reader = file_reader()?;
    let pictures = tempfile::tempdir()?;
    let mut generator = Command::new("python3");
    generator.arg("crates/documents/bench/pictures/make.py").arg(pictures.path());
    let generated = generator.status().context("failed to start python3")?;
    ensure!(
        generated.success(),
        "LibreOffice, Chromium, ImageMagick, poppler-utils and the fonts Noto and DejaVu are needed to make pictures"
    );
    let python = std::env::var_os("CARREL_BENCH_PICTURE_READERS")
        .context("run it by cargo xtask bench pictures")?;
    let mut script = Command::new(python);
    script.arg("crates/documents/bench/pictures/compare.py");
    script.args([&reader, &model]).arg(pictures.path()).args(arguments);
    let status = script.status()?;
    ensure!(status.success(), "the comparison ended with {status}");
    Ok(())
}

/// Builds the program that reads one file.
fn file_reader() -> Result<PathBuf> {
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--release", "-q", "-p", "carrel-documents", "--example", "read_file"]);
    ensure!(build.status()?.success(), "failed to build the reader");
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    Ok(Path::new(&target).join("release/examples/read_file"))
}

fn example(package: &str, name: &str) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["run", "--release", "-q", "-p", package, "--example", name]);
    cargo
}

fn figures(program: &mut Command) -> Result<Vec<Figure>> {
    let output = program.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{program:?} ended with {}", output.status);
    parse(&output.stdout)
}

/// Parses the figures in the output of a program.
pub fn parse(output: &[u8]) -> Result<Vec<Figure>> {
    let text = std::str::from_utf8(output)?;
    text.lines().filter(|line| line.starts_with('{')).map(figure).collect()
}

fn figure(line: &str) -> Result<Figure> {
    let line: Value = serde_json::from_str(line)?;
    let name = line["figure"].as_str().context("a line without a figure")?;
    let value = line["value"].as_f64().context("a figure without a value")?;
    let name = match line["unit"].as_str() {
        Some(unit) => format!("{name} ({unit})"),
        None => name.to_owned(),
    };
    Ok(Figure { name, value, unit: "", limit: line["at_most"].as_f64() })
}
