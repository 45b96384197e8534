//! `carrel user` and `carrel multi-user`: create users, recovery links and the first admin.
use std::process::ExitCode;

use anyhow::{Context, bail};
use carrel_domain::audit::By;
use carrel_services::accounts::UserDraft;
use carrel_services::sign_on::is_by_links_alone;
use chrono::Utc;

use crate::cli::{MultiUserCommand, NewUserArgs, RecoveryLinkArgs, UserCommand};
use crate::config::Config;
use crate::pages::reachable;
use crate::terminal::{password, print, say};
use crate::wiring::App;

pub async fn run(app: &App, config: &Config, command: UserCommand) -> anyhow::Result<ExitCode> {
    match command {
        UserCommand::Create(new) => create(app, new).await,
        UserCommand::RecoveryLink(args) => recovery_link(app, config, args).await,
    }
}

async fn recovery_link(
    app: &App,
    config: &Config,
    args: RecoveryLinkArgs,
) -> anyhow::Result<ExitCode> {
    let RecoveryLinkArgs { name, base } = args;
    let credentials =
        app.ports.sessions.credentials(&name).await.context("failed to make a link")?;
    let Some((user, _)) = credentials else {
        bail!("failed to make a link: there is no user `{name}`");
    };
    if is_by_links_alone(&app.ports.settings_store) {
        bail!(
            "failed to make a link: SIMPLE_SSO_NO_LOGIN is set, so nobody signs in with a password"
        );
    }
    if user.suspended {
        bail!("failed to make a link: user {name} is suspended");
    }
    let link = app.ports.recovery.issue_link(user.id, &By::operator(Utc::now())).await;
    let link = link.context("failed to make a link")?;
    let base = base.unwrap_or_else(|| format!("http://{}", reachable(config.listen.address)));
    let base = base.trim_end_matches('/');
    say(format_args!("give this to {name}; it sets a new password once, within 24 hours:"));
    print(&format!("{base}{}", link.path()))?;
    Ok(ExitCode::SUCCESS)
}

async fn create(app: &App, args: NewUserArgs) -> anyhow::Result<ExitCode> {
    let NewUserArgs { name, role, password: from } = args;
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
