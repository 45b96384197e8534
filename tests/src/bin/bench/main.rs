//! Measures the server from outside, each figure beside its reference in the same run:
//! `cargo xtask bench`. One JSON line per figure on standard output, a table on standard error.
mod database;
mod documents;
mod figure;
mod import;
mod ingest;
mod languages;
mod load;
mod log;
mod process;
mod programs;
mod reference;
mod retrieval;
mod server;
mod streams;

use anyhow::{Context, Result};

#[actix_web::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let selection = arguments.next();
    if selection.as_deref() == Some("bare-actix") {
        return reference::serve().await;
    }
    if selection.as_deref() == Some("models") {
        return streams::serve_models();
    }
    if selection.as_deref() == Some("corpus") {
        return programs::corpus(arguments);
    }
    if selection.as_deref() == Some("pictures") {
        return programs::pictures(arguments);
    }
    if selection.as_deref() == Some("languages") {
        let folder = arguments.next().context("name the folder that holds the collections")?;
        match (arguments.next().as_deref(), arguments.next()) {
            (Some("--dump"), Some(file)) => languages::dump(folder.as_ref(), file.as_ref())?,
            _ => figure::print(&languages::measure(folder.as_ref())?),
        }
        return Ok(());
    }
    let is_selected = |name: &str| selection.as_deref().is_none_or(|selection| selection == name);
    let mut figures = Vec::new();
    if is_selected("server") {
        figures.extend(server::measure()?);
    }
    if is_selected("streams") {
        figures.extend(streams::measure()?);
    }
    if is_selected("log") {
        figures.extend(log::measure()?);
    }
    if is_selected("documents") {
        figures.extend(documents::measure()?);
    }
    if is_selected("ingest") {
        figures.extend(ingest::without_model().await?);
    }
    if is_selected("ingest-model") {
        figures.extend(ingest::with_model()?);
    }
    if is_selected("vectors") {
        figures.extend(programs::vectors()?);
    }
    if is_selected("encoder") {
        figures.extend(programs::encoder()?);
    }
    if selection.as_deref() == Some("speech") {
        figures.extend(programs::speech()?);
    }
    if is_selected("parsers") {
        figures.extend(programs::parsers()?);
    }
    if is_selected("retrieval") {
        figures.extend(retrieval::measure()?);
    }
    if selection.as_deref() == Some("million") {
        figures.extend(log::measure_million()?);
    }
    if selection.as_deref() == Some("import") {
        figures.extend(import::measure(arguments)?);
    }
    if selection.as_deref() == Some("stores") {
        figures.extend(programs::stores()?);
    }
    anyhow::ensure!(
        !figures.is_empty(),
        "there are: server, streams, log, documents, ingest, ingest-model, vectors, encoder, parsers, retrieval, \
         million, speech, stores, import [DOCUMENTS EXCHANGES], corpus FOLDER, languages FOLDER, \
         pictures"
    );
    figure::print(&figures);
    Ok(())
}
