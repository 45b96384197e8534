//! Runs the commands of the program.
mod add;
mod api_key;
mod ask;
mod audit;
mod backup;
mod check;
mod export;
mod import;
mod jobs;
mod model;
mod people;
mod restore;
mod setting;
mod setup_link;
mod verify;

use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::CommandFactory;

use crate::cli::{Cli, Command};
use crate::config::{self, Config, Environment};
use crate::wiring::App;
use crate::{cli, logging, serve, terminal};

pub fn run(cli: Cli, environment: Environment) -> anyhow::Result<ExitCode> {
    match &cli.command {
        Command::ParseWorker { job } => return Ok(carrel_documents::worker::run(job)),
        Command::Openapi => return success(terminal::print(&carrel_api::openapi())),
        Command::Completions { shell } => return success(completions(*shell)),
        _ => {}
    }
    let reading = config::read(cli.flags(), environment.clone());
    if let Command::Config(cli::ConfigCommand::Check(_)) = &cli.command {
        return runtime()?.block_on(check::run(reading));
    }
    let problems = |problems: Vec<String>| {
        anyhow!("failed to read the configuration:\n  {}", problems.join("\n  "))
    };
    let config = reading.config.map_err(problems)?;
    // A command's output is its result, so it logs warnings only. A server's only output is its
    // log.
    let default = if matches!(cli.command, Command::Serve(_)) { "info" } else { "warn" };
    logging::start(&config.log, default, &environment);
    for warning in reading.warnings {
        tracing::warn!("{warning}");
    }
    match cli.command {
        Command::Serve(_) => success(serve::run(&config)),
        Command::Add(args) => local(&config, async |app| add::run(app, args).await),
        Command::Ask(args) => local(&config, async |app| ask::run(app, args).await),
        Command::ApiKey(command) => local(&config, async |app| api_key::run(app, command).await),
        Command::User(command) => {
            local(&config, async |app| people::run(app, &config, command).await)
        }
        Command::MultiUser(command) => {
            local(&config, async |app| people::enable(app, command).await)
        }
        Command::SetupLink => local(&config, async |app| setup_link::run(app, &config).await),
        Command::Audit(command) => local(&config, async |app| audit::run(app, command).await),
        Command::Backup(args) => local(&config, async |app| backup::run(app, args).await),
        Command::Import(command) => {
            import::check(&config, &command)?;
            local(&config, async |app| import::run(app, &config, command).await)
        }
        Command::Export(command) => {
            local(&config, async |app| export::run(app, &config, command).await)
        }
        Command::Jobs => local(&config, async |app| jobs::run(app).await),
        Command::Verify => local(&config, async |app| verify::run(app).await),
        Command::Restore(args) => runtime()?.block_on(restore::run(&config, args)),
        Command::Setting(command) => local(&config, async |app| setting::run(app, command).await),
        Command::Model(command) => success(runtime()?.block_on(model::run(&config, command))),
        // These were handled above, before the configuration was read.
        Command::Config(_)
        | Command::Openapi
        | Command::Completions { .. }
        | Command::ParseWorker { .. } => Ok(ExitCode::SUCCESS),
    }
}

/// Runs a command directly on the storage. A server may be running on it.
fn local(
    config: &Config,
    work: impl AsyncFnOnce(&App) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async {
        let app = App::open(config).await?;
        work(&app).await
    })
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("failed to start")
}

fn success<E: Into<anyhow::Error>>(result: Result<(), E>) -> anyhow::Result<ExitCode> {
    result.map(|()| ExitCode::SUCCESS).map_err(Into::into)
}

fn completions(shell: clap_complete::Shell) -> Result<(), terminal::Unwritten> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "carrel", &mut script);
    terminal::print(&String::from_utf8_lossy(&script))
}
