//! `carrel config check`: lists the effective settings and every problem with them.
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use carrel_domain::settings::Settings;
use carrel_services::settings::key::Key;
use carrel_vectors::choose::EMBEDDED;

use crate::config::variables::VECTOR_DB;
use crate::config::{Config, ConfigReport, EffectiveValue, ValueSource};
use crate::settings::{self, EffectiveSettings, NoSettings};
use crate::terminal::{one_line, print, say, table};
use crate::{index, models, wiring};

pub async fn run(reading: ConfigReport) -> anyhow::Result<ExitCode> {
    let ConfigReport { config, raw, mut effective, mut warnings } = reading;
    let opened = match &config {
        Ok(config) => database(config).await,
        Err(_) => Ok(None),
    };
    let model = config.as_ref().ok().map(|config| config.model.clone());
    let mut problems = config.err().unwrap_or_default();
    let opened = opened.unwrap_or_else(|error| {
        problems.push(format!("{error:#}"));
        None
    });
    let (stored, key) = opened.unwrap_or_else(|| (Arc::new(NoSettings), Key::random()));
    let rows = stored.all().await.context("failed to read the settings")?;
    let store = settings::open(&raw, stored, &key).await;
    let store = store.context("failed to read the settings")?;
    let (variables, invalid, native) = models::review(&store, model.as_ref());
    warnings.extend(native);
    let sources = EffectiveSettings { store: &store, raw: &raw, rows };
    let (vectors, unusable) = index::review(&store);
    let mut names = variables;
    names.extend(vectors);
    names.extend(sources.stored().map(str::to_owned));
    names.insert(VECTOR_DB.name.to_owned());
    for name in names {
        match effective.iter_mut().find(|entry| entry.name == name) {
            Some(entry) => *entry = sources.effective(&name),
            None => effective.push(sources.effective(&name)),
        }
    }
    // An unknown provider has been reported already, when the configuration was read.
    let is_known = |message: &String| {
        let (name, _) = message.split_once(": ").unwrap_or_default();
        problems.iter().any(|problem| problem.starts_with(&format!("{name} must be ")))
    };
    let invalid = invalid.into_iter().chain(unusable);
    let invalid: Vec<_> = invalid.filter(|name| !is_known(name)).collect();
    problems.extend(invalid);
    if let Some(problem) = store.unavailable("VECTOR_DB") {
        let known = problems.iter().any(|known| known.starts_with("VECTOR_DB "));
        let unavailable = format!("VECTOR_DB: {problem}, which is used instead");
        warnings.extend((!known).then_some(unavailable));
    }
    let unreadable = store.unreadable();
    warnings.extend(unreadable.iter().map(|name| {
        format!("{name} was sealed with another key than the one in use and counts as not set")
    }));

    let rows: Vec<_> = effective.iter().map(row).collect();
    print(&table(&["NAME", "VALUE", "FROM"], &rows))?;
    for warning in warnings {
        say(format_args!("warning: {warning}"));
    }
    if !cfg!(feature = "lancedb") && effective.iter().any(is_lancedb) {
        say(format_args!(
            "note: VECTOR_DB `{EMBEDDED}` means the index inside this server; LanceDB itself needs \
             a build with the feature `lancedb`"
        ));
    }
    for problem in &problems {
        say(format_args!("error: {problem}"));
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Opens the settings of the database and the secret key. Creates neither.
pub async fn database(config: &Config) -> anyhow::Result<Option<(Arc<dyn Settings>, Key)>> {
    if settings::file_of(&config.database.url).is_some_and(|file| !file.exists()) {
        return Ok(None);
    }
    let (database, key) = wiring::open_database(config, settings::key_if_any).await?;
    Ok(Some((Arc::new(database), key)))
}

/// Whether somebody asks for LanceDB by name.
fn is_lancedb(effective: &EffectiveValue) -> bool {
    let EffectiveValue { name, value, source } = effective;
    let is_named = name == VECTOR_DB.name && value.as_deref() == Some(EMBEDDED);
    is_named && *source != ValueSource::Default
}

fn row(effective: &EffectiveValue) -> Vec<String> {
    let value = effective.value.as_deref().filter(|value| !value.is_empty()).unwrap_or("-");
    vec![effective.name.clone(), one_line(value), effective.source.to_string()]
}
