//! `carrel config check`: every setting in force, and everything wrong with them.
use std::process::ExitCode;

use crate::config::{Reading, Source};
use crate::models::ConfiguredModels;
use crate::terminal::{one_line, print, say, table};

pub fn run(reading: Reading) -> anyhow::Result<ExitCode> {
    let Reading { config, effective, warnings } = reading;
    let mut rows: Vec<Vec<String>> = effective
        .into_iter()
        .map(|effective| row(&effective.name, effective.value.as_deref(), &effective.source))
        .collect();
    let problems = match config {
        Ok(config) => {
            let models = ConfiguredModels::new(&config);
            let problems = models.configuration_problems();
            for asked in models.asked() {
                rows.push(row(&asked.name, asked.value.as_deref(), &asked.source));
            }
            problems
        }
        Err(problems) => problems,
    };
    print(&table(&["NAME", "VALUE", "FROM"], &rows))?;
    for warning in warnings {
        say(format_args!("warning: {warning}"));
    }
    for problem in &problems {
        say(format_args!("error: {problem}"));
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn row(name: &str, value: Option<&str>, source: &Source) -> Vec<String> {
    let value = value.filter(|value| !value.is_empty()).unwrap_or("-");
    vec![name.to_owned(), one_line(value), source.to_string()]
}
