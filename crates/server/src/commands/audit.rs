//! `carrel audit`: lists, verifies and seals the audit log.
use std::io::ErrorKind;
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use carrel_domain::audit::{Anchor, By, LoggedEvent};
use carrel_services::audit::{self, Verdict};
use chrono::Utc;

use crate::cli::AuditCommand;
use crate::terminal::{format_time, one_line, print, say, table};
use crate::wiring::App;

/// The largest file with an anchor that is read, in bytes.
const MAX_ANCHOR_BYTES: u64 = 1 << 20;

pub async fn run(app: &App, command: AuditCommand) -> anyhow::Result<ExitCode> {
    match command {
        AuditCommand::Verify { anchor } => verify(app, anchor.as_deref()).await?,
        AuditCommand::Head => head(app).await?,
        AuditCommand::Seal => seal(app).await?,
        AuditCommand::List { limit } => list(app, limit).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn verify(app: &App, anchor: Option<&str>) -> anyhow::Result<()> {
    let anchor = anchor.map(read_anchor).transpose()?;
    let (log, seals) = (&*app.ports.audit, &*app.ports.audit_seals);
    let verdict = audit::verify(log, seals, anchor.as_ref()).await;
    match verdict.context("failed to check the audit log")? {
        Verdict::Whole { events, head } => {
            let s = if events == 1 { "" } else { "s" };
            print(&format!("the audit log is whole: {events} event{s}, the head is {head}"))?;
        }
        Verdict::Broken(fault) => bail!("the audit log is broken: {fault}"),
    }
    Ok(())
}

/// Parses `text` as an anchor, or reads the anchor on the last line of the file it names.
fn read_anchor(text: &str) -> anyhow::Result<Anchor> {
    if let Some(anchor) = Anchor::parse(text) {
        return Ok(anchor);
    }
    let file = std::fs::metadata(text).map(|file| file.len());
    match file {
        Ok(length) if length > MAX_ANCHOR_BYTES => bail!(
            "{text} is too large to be a file with an \
             anchor"
        ),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("`{text}` is neither an anchor, such as 5120:9f86d081884c, nor a file")
        }
        _ => {}
    }
    let lines = std::fs::read_to_string(text).with_context(|| format!("failed to read {text}"))?;
    let last = lines.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    Anchor::parse(last).ok_or_else(|| anyhow!("the last line of {text} is not an anchor"))
}

async fn head(app: &App) -> anyhow::Result<()> {
    let ends = app.ports.audit_seals.ends().await.context("failed to read the audit log")?;
    if !ends.is_sealed() {
        say(format_args!(
            "warning: this end of the log is not sealed with the server's key; see carrel audit verify"
        ));
    }
    print(&ends.head.to_string())?;
    Ok(())
}

async fn seal(app: &App) -> anyhow::Result<()> {
    let seals = &*app.ports.audit_seals;
    let ends = seals.ends().await.context("failed to read the audit log")?;
    if ends.is_sealed() && ends.start_fits {
        say(format_args!("the audit log is sealed already"));
        return Ok(());
    }
    let sealed = audit::seal(seals, &By::operator(Utc::now())).await;
    sealed.context("failed to seal the audit log")?;
    say(format_args!("the audit log is sealed up to event {}", ends.head.last_id));
    Ok(())
}

async fn list(app: &App, limit: u32) -> anyhow::Result<()> {
    let events = app.ports.audit.page(None, 0, limit).await;
    let events = events.context("failed to read the audit log")?;
    if events.is_empty() {
        say(format_args!("there are no events yet"));
    }
    let rows: Vec<_> = events.iter().map(row).collect();
    print(&table(&["ID", "WHEN", "WHO", "FROM", "WHAT", "DETAILS"], &rows))?;
    Ok(())
}

fn row(event: &LoggedEvent) -> Vec<String> {
    let LoggedEvent { id, name, details, actor, address, at, digest: _ } = event;
    let from = address.as_deref().unwrap_or("-");
    let texts = [actor.as_str(), from, name, details].map(one_line);
    [id.to_string(), format_time(Some(*at))].into_iter().chain(texts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_is_a_value_or_the_last_line_of_a_file() {
        assert_eq!(read_anchor("7:0123456789ab").unwrap().last_id, 7);
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("heads");
        let path = file.to_str().unwrap();
        assert!(read_anchor(path).unwrap_err().to_string().contains("neither an anchor"));
        std::fs::write(&file, "7:0123456789ab\n8:0123456789ab\n\n").unwrap();
        assert_eq!(read_anchor(path).unwrap().last_id, 8);
        std::fs::write(&file, "8:0123456789ab\nnothing").unwrap();
        assert!(read_anchor(path).unwrap_err().to_string().contains("is not an anchor"));
    }
}
