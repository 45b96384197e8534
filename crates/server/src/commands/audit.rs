//! `carrel audit`: what was changed by whom, and whether the log of it is whole.
use std::process::ExitCode;

use anyhow::{Context, bail};
use carrel_domain::audit::LoggedEvent;
use carrel_services::audit::{self, Verdict};

use crate::cli::Audit;
use crate::terminal::{one_line, print, say, table, when};
use crate::wiring::App;

pub async fn run(app: &App, what: Audit) -> anyhow::Result<ExitCode> {
    match what {
        Audit::Verify => verify(app).await?,
        Audit::List { limit } => list(app, limit).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn verify(app: &App) -> anyhow::Result<()> {
    let verdict = audit::verify(&*app.ports.audit).await;
    match verdict.context("failed to check the audit log")? {
        Verdict::Whole(events) => {
            let s = if events == 1 { "" } else { "s" };
            print(&format!("the audit log is whole: {events} event{s}"))?;
        }
        Verdict::Broken(id) => {
            bail!("the audit log is broken: event {id} was changed, or one before it removed")
        }
    }
    Ok(())
}

async fn list(app: &App, limit: u32) -> anyhow::Result<()> {
    let events = app.ports.audit.page(None, 0, limit).await;
    let events = events.context("failed to read the audit log")?;
    if events.is_empty() {
        say(format_args!("nothing has been changed yet"));
    }
    let rows: Vec<_> = events.iter().map(row).collect();
    print(&table(&["ID", "WHEN", "WHO", "FROM", "WHAT", "DETAILS"], &rows))?;
    Ok(())
}

fn row(event: &LoggedEvent) -> Vec<String> {
    let LoggedEvent { id, name, details, actor, address, at, digest: _ } = event;
    let from = address.as_deref().unwrap_or("-");
    let texts = [actor.as_str(), from, name, details].map(one_line);
    [id.to_string(), when(Some(*at))].into_iter().chain(texts).collect()
}
