//! `carrel config check`: every setting in force, and everything wrong with them.
use std::process::ExitCode;

use crate::config::{Effective, Reading};
use crate::models;
use crate::terminal::{one_line, print, say, table};

pub fn run(reading: Reading) -> anyhow::Result<ExitCode> {
    let Reading { config, providers, mut effective, warnings } = reading;
    let mut problems = config.err().unwrap_or_default();
    let (asked, wrong) = models::review(&providers);
    let is_new = |asked: &Effective| effective.iter().all(|known| known.name != asked.name);
    let asked: Vec<_> = asked.into_iter().filter(is_new).collect();
    effective.extend(asked);
    // A provider that nobody has heard of is known as a problem already.
    problems.extend(wrong.into_iter().filter(|wrong| !wrong.starts_with("LLM_PROVIDER: ")));

    let rows: Vec<_> = effective.iter().map(row).collect();
    print(&table(&["NAME", "VALUE", "FROM"], &rows))?;
    for warning in warnings {
        say(format_args!("warning: {warning}"));
    }
    for problem in &problems {
        say(format_args!("error: {problem}"));
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn row(effective: &Effective) -> Vec<String> {
    let value = effective.value.as_deref().filter(|value| !value.is_empty()).unwrap_or("-");
    vec![effective.name.clone(), one_line(value), effective.source.to_string()]
}
