//! Exports data of the whole server: preferences, settings without secrets, the audit log, and
//! files other than documents.
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use carrel_domain::audit::LoggedEvent;
use carrel_domain::generated_file::GeneratedFile;
use carrel_domain::picture::PictureSubject;
use carrel_domain::settings::names;
use carrel_domain::{Error, Result, ThreadId, WorkspaceId};
use carrel_services::settings::preferences;
use serde_json::{Value, json};

use super::rows::time;
use super::{Export, PAGE, Slugs, in_order};

/// Folders of generated files that answers refer to.
const GENERATED: [(&str, &str); 2] =
    [("generated-files", "generated-files/"), ("generated-images", "generated-images/")];

const SECRET: &str = "it is a secret; take it from where it was issued";

/// Exports preferences under their labels in the table `system_settings`, and settings under their
/// variables.
pub(super) async fn settings(export: &mut Export<'_>) -> Result<()> {
    let stored = export.ports.settings.all().await?;
    let mut lines = export.destination.lines("system-settings.jsonl")?;
    for (label, value) in &stored {
        if preferences::is_preference(label) || label == names::LOGO {
            lines.add(&json!({ "label": label, "value": value }))?;
        }
    }
    export.close(lines)?;
    variables(export, &stored)
}

fn variables(export: &mut Export<'_>, stored: &BTreeMap<String, String>) -> Result<()> {
    let mut lines = export.destination.lines("env.jsonl")?;
    for setting in export.ports.settings_store.registry().variables() {
        match stored.get(setting.variable) {
            Some(_) if setting.secret => export.add_not_exported(setting.variable, 1, SECRET),
            Some(value) => {
                lines.add(&json!({ "variable": setting.variable, "value": value }))?;
            }
            None => {}
        }
    }
    export.close(lines).map(drop)
}

pub(super) async fn events(export: &mut Export<'_>) -> Result<()> {
    let mut lines = export.destination.lines("event-logs.jsonl")?;
    let mut last = 0;
    loop {
        let page = export.ports.audit.since(last, PAGE).await?;
        let Some(newest) = page.last() else { break };
        last = newest.id;
        for event in page {
            lines.add(&row_of_event(event))?;
        }
    }
    export.close(lines).map(drop)
}

pub(super) async fn thread_files(export: &mut Export<'_>, threads: &Slugs<ThreadId>) -> Result<()> {
    let mut lines = export.destination.lines("thread-files.jsonl")?;
    let mut ids: Vec<_> = threads.iter().collect();
    ids.sort_by_key(|(id, _)| **id);
    for (thread, slug) in ids {
        for (file, text) in export.ports.thread_files.texts(*thread).await? {
            lines.add(&json!({
                "id": file.id.0,
                "threadId": thread.0,
                "thread": slug.to_string(),
                "title": file.name,
                "pageContent": text,
                "tokenCountEstimate": file.tokens,
                "createdAt": time(file.created_at),
            }))?;
        }
    }
    export.close(lines).map(drop)
}

/// Exports the logo and the pictures of workspaces, in AnythingLLM's folders.
pub(super) async fn pictures(
    export: &mut Export<'_>,
    workspaces: &Slugs<WorkspaceId>,
) -> Result<()> {
    let subjects = in_order(workspaces).into_iter().map(|(id, _)| PictureSubject::Workspace(id));
    let mut number = 0;
    for subject in subjects.chain([PictureSubject::Server]) {
        let Some(picture) = export.ports.pictures.of(subject).await? else { continue };
        if number == 0 {
            export.destination.make_folder(&["assets"])?;
            export.destination.make_folder(&["assets", "pfp"])?;
        }
        let folder = match subject {
            PictureSubject::Server => "assets",
            PictureSubject::Workspace(_) => "assets/pfp",
        };
        let file = export.destination.path(folder).join(picture.name.as_str());
        fs::write(file, picture.png).map_err(Error::of_file)?;
        number += 1;
    }
    export.count("assets/", number);
    Ok(())
}

/// Copies the files that answers refer to.
pub(super) fn generated_files(export: &mut Export<'_>, root: &Path) -> Result<()> {
    for (folder, label) in GENERATED {
        let copied = copy_generated(export, &root.join(folder), folder);
        export.count(label, copied.map_err(Error::of_file)?);
    }
    Ok(())
}

fn copy_generated(export: &Export<'_>, from: &Path, folder: &'static str) -> std::io::Result<u64> {
    let entries = match fs::read_dir(from) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut number = 0;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let is_ours = name.to_str().is_some_and(|name| GeneratedFile::parse(name).is_ok());
        if !is_ours || !entry.file_type()?.is_file() {
            continue;
        }
        if number == 0 {
            export.destination.make_folder(&[folder]).map_err(std::io::Error::other)?;
        }
        match fs::copy(entry.path(), export.destination.path(folder).join(name)) {
            // Deleted after it was listed.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            copied => copied.map(|_| number += 1)?,
        }
    }
    Ok(number)
}

fn row_of_event(event: LoggedEvent) -> Value {
    let LoggedEvent { id, name, details, actor, address, at, digest: _ } = event;
    let details = serde_json::from_str(&details).unwrap_or(Value::String(details));
    json!({
        "id": id,
        "event": name,
        "metadata": details,
        "actor": actor,
        "address": address,
        "occurredAt": time(at),
    })
}
