//! Runs the commands of the program.
mod add;
mod api_key;
mod ask;
mod audit;
mod backup;
mod check;
mod export;
mod import;
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
        Command::Openapi => return done(terminal::print(&carrel_api::openapi())),
        Command::Completions { shell } => return done(completions(*shell)),
        _ => {}
    }
    let reading = config::read(cli.flags(), environment.clone());
    if let Command::Config(cli::Config::Check(_)) = &cli.command {
        return runtime()?.block_on(check::run(reading));
    }
    let problems = |problems: Vec<String>| {
        anyhow!("failed to read the configuration:\n  {}", problems.join("\n  "))
    };
    let config = reading.config.map_err(problems)?;
    // A person who runs a command reads its result; a server has nothing to say but its log.
    let usual = if matches!(cli.command, Command::Serve(_)) { "info" } else { "warn" };
    logging::start(&config.log, usual, &environment);
    for warning in reading.warnings {
        tracing::warn!("{warning}");
    }
    match cli.command {
        Command::Serve(_) => done(serve::run(&config)),
        Command::Add(what) => local(&config, async |app| add::run(app, what).await),
        Command::Ask(what) => local(&config, async |app| ask::run(app, what).await),
        Command::ApiKey(what) => local(&config, async |app| api_key::run(app, what).await),
        Command::User(what) => local(&config, async |app| people::create(app, what).await),
        Command::MultiUser(what) => local(&config, async |app| people::enable(app, what).await),
        Command::SetupLink => local(&config, async |app| setup_link::run(app, &config).await),
        Command::Audit(what) => local(&config, async |app| audit::run(app, what).await),
        Command::Backup(what) => local(&config, async |app| backup::run(app, what).await),
        Command::Import(what) => {
            import::check(&config, &what)?;
            local(&config, async |app| import::run(app, &config, what).await)
        }
        Command::Export(what) => local(&config, async |app| export::run(app, what).await),
        Command::Verify => local(&config, async |app| verify::run(app).await),
        Command::Restore(what) => runtime()?.block_on(restore::run(&config, what)),
        Command::Setting(what) => local(&config, async |app| setting::run(app, what).await),
        Command::Model(what) => done(runtime()?.block_on(model::run(&config, what))),
        // Done above, before there was a configuration.
        Command::Config(_)
        | Command::Openapi
        | Command::Completions { .. }
        | Command::ParseWorker { .. } => Ok(ExitCode::SUCCESS),
    }
}

/// Runs a command on the storage itself; a server may be running there or not.
fn local(
    config: &Config,
    work: impl AsyncFnOnce(&App) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async {
        let carrel = App::open(config).await?;
        work(&carrel).await
    })
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("failed to start")
}

fn done<E: Into<anyhow::Error>>(result: Result<(), E>) -> anyhow::Result<ExitCode> {
    result.map(|()| ExitCode::SUCCESS).map_err(Into::into)
}

fn completions(shell: clap_complete::Shell) -> Result<(), terminal::Unwritten> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "carrel", &mut script);
    terminal::print(&String::from_utf8_lossy(&script))
}
