//! `carrel setting`: changes settings that a running server applies.
use std::process::ExitCode;

use anyhow::{Context, bail};
use carrel_domain::audit::By;
use carrel_services::settings::Leniency;
use chrono::Utc;
use serde_json::{Map, Value};

use crate::cli::{SettingArgs, SettingCommand};
use crate::terminal::{first_line, say};
use crate::wiring::App;

pub async fn run(app: &App, command: SettingCommand) -> anyhow::Result<ExitCode> {
    let SettingCommand::Set(SettingArgs { name, value }) = command;
    let store = &app.ports.settings_store;
    let registry = store.registry();
    let setting = registry.by_name(&name).or_else(|| registry.by_variable(&name));
    let Some(setting) = setting else {
        bail!("failed to change a setting: there is no setting called {name}")
    };
    let value = match value {
        Some(value) => value,
        None => first_line()?,
    };
    let change = Map::from_iter([(setting.name.to_owned(), Value::from(value))]);
    let updated = store.update(&change, Leniency::Strict, &By::operator(Utc::now())).await;
    updated.context("failed to change a setting")?;
    say(format_args!("{} is set", setting.name));
    Ok(ExitCode::SUCCESS)
}
