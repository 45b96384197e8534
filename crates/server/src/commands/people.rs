//! `carrel user` and `carrel multi-user`: people and the first of them.
use std::process::ExitCode;

use anyhow::{Context, bail};
use carrel_domain::audit::By;
use carrel_services::accounts::UserDraft;
use chrono::Utc;

use crate::cli::{MultiUserCommand, NewUserArgs, UserCommand};
use crate::terminal::{password, say};
use crate::wiring::App;

pub async fn create(app: &App, command: UserCommand) -> anyhow::Result<ExitCode> {
    let UserCommand::Create(NewUserArgs { name, role, password: from }) = command;
    if !app.ports.multi_user.is_on().await.context("failed to create the user")? {
        bail!(
            "failed to create the user: there is only one user so far; create the first admin \
             with: carrel multi-user enable <name>"
        );
    }
    let password = password(from.password_stdin)?;
    let draft = UserDraft { username: name, password, role: Some(role), ..UserDraft::default() };
    let created = app.ports.accounts.create(draft, &By::operator(Utc::now())).await;
    let user = created.context("failed to create the user")?;
    say(format_args!("user {} is created, as {}", user.username, user.role.as_str()));
    Ok(ExitCode::SUCCESS)
}

pub async fn enable(app: &App, command: MultiUserCommand) -> anyhow::Result<ExitCode> {
    let MultiUserCommand::Enable { name, password: from } = command;
    if app.ports.multi_user.is_on().await.context("failed to enable multi-user mode")? {
        bail!("failed to enable multi-user mode: it is enabled already");
    }
    let password = password(from.password_stdin)?;
    let draft = UserDraft { username: name, password, ..UserDraft::default() };
    let by = By::operator(Utc::now());
    let enabled = app.ports.accounts.enable_multi_user(draft, &by).await;
    let user = enabled.context("failed to enable multi-user mode")?;
    say(format_args!("multi-user mode is enabled, with {} as its first admin", user.username));
    Ok(ExitCode::SUCCESS)
}
