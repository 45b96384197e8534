//! `carrel model fetch`: getting the embedding model, each file checked before it takes its place.
use std::io::IsTerminal;

use carrel_embedder::fetch::{self, Progress, Sources};
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::{Fetch, Model};
use crate::config::Config;
use crate::storage::private_directory;
use crate::terminal::{one_line, say};

pub async fn run(config: &Config, what: Model) -> anyhow::Result<()> {
    let Model::Fetch(Fetch { from, mirror }) = what;
    let into = &config.model.directory;
    // The storage may not exist yet, and is nobody else's business from the start. Should this
    // fail, what follows fails too and says why.
    let _ = private_directory(config.storage.root());
    let sources = match (from, mirror) {
        (Some(directory), _) => Sources { directory: Some(directory), hub: None, python: false },
        (None, Some(mirror)) => Sources { hub: Some(mirror), ..Sources::default() },
        (None, None) => Sources::default(),
    };
    let bar = ProgressBar::no_length();
    let template = "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec}";
    let style = ProgressStyle::with_template(template);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let fetched = fetch::fetch(into, &sources, |progress| tell(&bar, progress)).await;
    bar.finish_and_clear();
    fetched?;
    say(format_args!("the embedding model is in {}", into.display()));
    Ok(())
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
        Progress::Placed { file } => format!("fetched {file}"),
        Progress::Failed { source, reason } => format!("{source} failed: {reason}"),
    };
    bar.suspend(|| say(format_args!("{}", one_line(&line))));
}
